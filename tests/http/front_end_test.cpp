// The whole front end, over loopback.

#include "../node/dummy_node.hpp"
#include "config/config.hpp"
#include "http/front_end.hpp"
#include "loopback.hpp"

#include <caf/scoped_actor.hpp>

#include <future>
#include <gmock/gmock.h>
#include <thread>

namespace starling::http {
namespace {

using namespace std::chrono_literals;
using actors::errc;
using node::counter;
using node::node_script;
using node::some_error;
using testing::HasSubstr;
using testing::Not;

using clock = std::chrono::steady_clock;

/// Long enough for any answer, and short enough to see that somebody does not wait for it.
constexpr auto patience = 15s;

const crdt::replica_id replica{};

class FrontEnd : public threaded_test {
protected:
  ~FrontEnd() override {
    if (door)
      door->stop();
  }

  void start(std::chrono::milliseconds timeout = patience, const node_script& script = {}) {
    door.reset();
    node.emplace(sys, script);
    for (const auto& shard : node->shards)
      track(shard);
    track(node->gossip);
    track(node->membership);
    if (node->storage)
      track(node->storage);
    port = open_free_port([&](const std::string& address) {
      front_end::settings with{.options = {},
                               .secret = {"starling", "key"},
                               .replica = replica,
                               .started = std::chrono::sys_seconds{1'700'000'000s}};
      with.options.listen = address;
      with.options.threads = 4;
      door.reset();
      service.emplace(sys, node->context(), timeout);
      door.emplace(sys, with, *service);
      return !door->start();
    });
  }

  /// How many reads and writes the shards have left waiting.
  std::size_t count_waiting() {
    std::size_t result = 0;
    caf::scoped_actor self{sys};
    for (const auto& shard : node->shards)
      self->request(shard, caf::infinite, actors::watch_atom_v)
          .receive([&](std::uint64_t waiting) { result += waiting; },
                   [](const caf::error& why) { ADD_FAILURE() << to_string(why); });
    return result;
  }

  exchanged get(std::string_view target) { return ask(port, "GET", target); }

  exchanged post(std::string_view target) {
    return ask(port, "POST", target, R"({"increment": 2})");
  }

  std::optional<node::dummy_node> node;
  std::optional<node::service> service;
  std::optional<front_end> door;
  std::uint16_t port = 0;
};

void expect_problem(const exchanged& reply, int status, std::string_view code) {
  EXPECT_EQ(reply.status, status);
  EXPECT_THAT(reply.head, HasSubstr("Content-Type: application/problem+json\r\n"));
  EXPECT_THAT(reply.body, HasSubstr("\"code\": \"" + std::string{code} + "\""));
}

TEST_F(FrontEnd, ServesReadsAndWrites) {
  start();

  const auto read = get("/counters/four");
  EXPECT_EQ(read.status, 200);
  EXPECT_EQ(read.body, "{\"value\": 4}\n");
  const auto write = post("/counters/four");
  EXPECT_EQ(write.status, 200);
  EXPECT_EQ(write.body, "{\"value\": 2}\n");
}

TEST_F(FrontEnd, SaysHowItIsWhileAllItsThreadsWait) {
  start();
  std::vector<std::future<exchanged>> stuck;
  for (int i = 0; i < 8; ++i) // twice as many as there are threads
    stuck.push_back(std::async(std::launch::async, [this] { return get("/counters/mute"); }));
  while (count_waiting() < 4)
    std::this_thread::yield();

  for (const auto* target : {"/healthz", "/readyz", "/metrics", "/healthz?", "/healthz"})
    EXPECT_EQ(get(target).status, 200) << target;

  EXPECT_EQ(count_waiting(), 4U) << "the others have no thread yet";
  for (auto& one : stuck)
    while (one.wait_for(1ms) != std::future_status::ready)
      for (const auto& shard : node->shards)
        caf::anon_send(shard, actors::flush_atom_v);
}

TEST_F(FrontEnd, ShowsValuesAsTheRequestSays) {
  start();

  EXPECT_EQ(get("/counters/four?number=string").body, "{\"value\": \"4\"}\n");
  EXPECT_EQ(post("/counters/four?number=string").body, "{\"value\": \"2\"}\n");
  EXPECT_EQ(get("/sets/a?limit=1&contexts=false").body,
            "{\"cardinality\": 1, \"values\": [], \"next\": null}\n");
}

TEST_F(FrontEnd, SaysAtItsRootWhatItIs) {
  start();

  const auto reply = get("/");

  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.body, HasSubstr("{\"name\": \"starling\", \"version\": \"" +
                                    std::string{starling::config::version} + "\""));
  EXPECT_THAT(reply.body, HasSubstr("\"/counters/{key}\": \"GET, HEAD, POST, OPTIONS\""));
}

TEST_F(FrontEnd, ServesListsOfKeys) {
  start(patience, {.first_list = std::vector{counter("b"), counter("c")},
                   .second_list = std::vector{counter("a")}});

  const auto reply = get("/keys?limit=2");

  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "{\"keys\": [{\"type\": \"counter\", \"key\": \"a\"}, "
                        "{\"type\": \"counter\", \"key\": \"b\"}], "
                        "\"next\": \"counter/b\"}\n");
}

TEST_F(FrontEnd, ListsNoKeysWithoutAllShards) {
  start(100ms, {.first_list = {}});
  expect_problem(get("/keys"), 504, "timed-out");
}

TEST_F(FrontEnd, ListsNoKeysWhenAShardFails) {
  start(patience, {.second_list = some_error});
  expect_problem(get("/keys"), 500, "internal");
}

TEST_F(FrontEnd, SaysWhyItListsNoKeys) {
  start(patience, {.second_list = caf::error{errc::being_mended}});
  expect_problem(get("/keys"), 503, "being-mended");
}

TEST_F(FrontEnd, SaysWhatAnActorRefused) {
  start();

  expect_problem(get("/counters/unknown"), 404, "unknown-key");
  expect_problem(post("/counters/range"), 422, "counter-range");
  expect_problem(post("/counters/exhausted"), 422, "exhausted");
  expect_problem(post("/counters/large"), 413, "value-too-large");
  for (const auto& [key, status, code] :
       {std::tuple{"full", 507, "disk-full"}, std::tuple{"failed", 503, "disk-failed"},
        std::tuple{"unreadable", 503, "disk-failed"},
        std::tuple{"perhaps", 500, "write-unknown"}}) {
    const auto reply = post("/counters/" + std::string{key});
    expect_problem(reply, status, code);
    EXPECT_THAT(reply.body, testing::Not(HasSubstr("private"))) << "paths are the log's";
    EXPECT_EQ(reply.body.find("nothing was written") != std::string::npos, status != 500)
        << reply.body;
  }
  expect_problem(post("/counters/mending"), 503, "being-mended");
  expect_problem(get("/counters/mending"), 503, "being-mended");
  expect_problem(post("/counters/newer"), 503, "newer-format");
  expect_problem(get("/counters/newer"), 503, "newer-format");
  const auto broken = get("/counters/broken");
  expect_problem(broken, 500, "internal");
  EXPECT_THAT(broken.body, Not(HasSubstr("private")));
}

TEST_F(FrontEnd, GivesUpOnAShardThatDoesNotAnswerInTime) {
  start(100ms);
  for (const auto* method : {"GET", "POST"}) {
    const auto begin = clock::now();
    expect_problem(ask(port, method, "/counters/mute",
                       std::string_view{method} == "POST" ? R"({"increment": 2})" : ""),
                   504, "timed-out");
    EXPECT_GE(clock::now() - begin, 100ms);
    EXPECT_LT(clock::now() - begin, patience);
  }
}

TEST_F(FrontEnd, SaysThatAWriteMayStillHappenOfWritesOnly) {
  start(100ms);
  const std::string warning = "may still happen";

  EXPECT_THAT(post("/counters/mute").body, HasSubstr(warning));
  EXPECT_THAT(get("/counters/mute").body, Not(HasSubstr(warning)));
}

TEST_F(FrontEnd, IsNotHarmedByALateAnswer) {
  start(100ms);
  expect_problem(get("/counters/mute"), 504, "timed-out");
  expect_problem(post("/counters/mute"), 504, "timed-out");

  for (const auto& shard : node->shards)
    caf::anon_send(shard, actors::flush_atom_v);

  for (int i = 0; i < 10; ++i) // more than one for each shard; they come after the late answers
    EXPECT_THAT(get("/counters/four" + std::to_string(i)).body, HasSubstr("{\"value\": 5}"));
}

TEST_F(FrontEnd, SaysAtOnceThatItsActorEnded) {
  start();
  const auto begin = clock::now();

  expect_problem(get("/counters/killer"), 503, "not-ready");
  expect_problem(get("/counters/four"), 503, "not-ready");
  expect_problem(get("/cluster"), 503, "not-ready");
  expect_problem(get("/readyz"), 503, "not-ready");
  EXPECT_EQ(get("/healthz").status, 200);

  EXPECT_LT(clock::now() - begin, patience);
}

TEST_F(FrontEnd, IsReadyWhenAllActorsAnswer) {
  start();

  const auto reply = get("/readyz");

  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.body, ::testing::StartsWith("{\"status\": \"ready\""));
}

TEST_F(FrontEnd, SaysWhyItsDiskKeepsItFromBeingReady) {
  using storage::trouble;
  const std::vector<std::tuple<actors::storage_report, std::string, std::string>> reports{
      {{.failure = storage::failure{trouble::full, "no room"}},
       "The disk of this node is full",
       "nothing can be written: no room"},
      {{.failure = storage::failure{trouble::read_only, "read-only"}},
       "The disk of this node takes no writes",
       "nothing can be written: read-only"},
      {{.damage = "a flipped bit"},
       "The disk of this node is damaged",
       "something cannot be read: a flipped bit"},
      {{.unreadable = "too many open files"},
       "The disk of this node cannot be read in part",
       "something could not be read: too many open files"},
      {{.is_mending = true},
       "This node waits for what its disk has lost",
       "what was damaged on the disk is brought back from other nodes"}};
  for (const auto& [report, title, sentence] : reports) {
    start(patience, {.storage = report});
    const auto reply = get("/readyz");
    expect_problem(reply, 503, "not-ready");
    EXPECT_THAT(reply.body, HasSubstr("\"title\": \"" + title + "\""));
    EXPECT_THAT(reply.body, HasSubstr("\"detail\": \"" + sentence + "\""));
    door.reset();
  }
  start(patience, {.storage = actors::storage_report{}});
  EXPECT_EQ(get("/readyz").status, 200);
}

TEST_F(FrontEnd, IsAliveButNotReadyWhileAnActorIsSilent) {
  start(100ms, {.second_shard = {}});

  const auto reply = get("/readyz");

  expect_problem(reply, 503, "not-ready");
  EXPECT_THAT(reply.head, HasSubstr("Retry-After: 1\r\n"));
  const auto alive = get("/healthz");
  EXPECT_EQ(alive.status, 200);
  EXPECT_EQ(alive.body, "{\"status\": \"alive\"}\n");
}

TEST_F(FrontEnd, IsNotReadyWhenAnActorFails) {
  start(patience, {.gossip = some_error});

  expect_problem(get("/readyz"), 503, "not-ready");
  expect_problem(get("/cluster"), 500, "internal");
}

TEST_F(FrontEnd, ShowsTheStatesOfItsPeers) {
  start();

  const auto reply = get("/cluster");

  EXPECT_EQ(reply.status, 200);
  const auto peer = [](std::uint64_t number, std::string_view address, std::string_view state,
                       std::string_view rest) {
    std::string text = "{\"name\": \"node-" + std::to_string(number) + "\", \"node\": \"";
    text.append(to_string(membership::node_id::from(number, number)));
    text.append("\", \"http\": \"\", \"cluster\": \"").append(address);
    text.append("\", \"state\": \"").append(state);
    text.append("\", \"incarnation\": \"" + std::to_string(number) +
                ".0\", \"since\": \"2023-11-14T22:13:20Z\", ");
    return text.append(rest).append(", \"udp\": true, \"tcp\": true, "
                                    "\"protocol\": {\"oldest\": 5, \"newest\": 5}, \"reads\": {}}");
  };
  EXPECT_THAT(reply.body,
              HasSubstr("\"peers\": [" +
                        peer(2, "a:1", "alive",
                             "\"health\": 3, \"round_trip_ms\": 1.250, \"reason\": null") +
                        ", " +
                        peer(3, "b:1", "suspect",
                             "\"health\": 0, \"round_trip_ms\": null, "
                             "\"reason\": \"no answer to node-1, node-2\"") +
                        ", " +
                        peer(4, "c:1", "dead",
                             "\"health\": 0, \"round_trip_ms\": null, "
                             "\"reason\": \"no answer in time to this node\"") +
                        ", " +
                        peer(5, "d:1", "left",
                             "\"health\": 0, \"round_trip_ms\": null, \"reason\": \"it left\"") +
                        "], \"all_members\": {\"protocol\": {\"oldest\": 5, \"newest\": 5}, "
                        "\"reads\": {}}, \"unreached_seeds\": [\"seed:1\"]"));
  EXPECT_THAT(reply.body,
              HasSubstr("\"replication\": {\"root\": \"00000000000000ab0000000000000001\", "
                        "\"keys\": 7, "));
  EXPECT_THAT(reply.body, HasSubstr("\"peers_behind\": 1, \"values_refused\": [{\"peer\": "));
  EXPECT_THAT(reply.body, HasSubstr("\"type\": \"set\", \"key\": \"big\"}]"));
  EXPECT_THAT(reply.body, HasSubstr("{\"self\": {\"name\": \"node-1\""));
  EXPECT_THAT(reply.body,
              HasSubstr("\"state\": \"alive\", \"incarnation\": \"1.0\", \"health\": 2, "
                        "\"isolated\": false, \"leaving\": false, "
                        "\"protocol\": {\"oldest\": 5, \"newest\": 5}, \"reads\": {}}"));
  EXPECT_THAT(reply.body, HasSubstr("\"replica\": \"" + to_string(replica) + "\""));
  EXPECT_THAT(reply.body, HasSubstr("\"started\": \"2023-11-14T22:13:20Z\""));
}

TEST_F(FrontEnd, IsReadyWhileTheReplicaIdIsNotCertainAndSaysSo) {
  start(patience, {.storage = actors::storage_report{.replica_state = actors::certainty::doubtful,
                                                     .unanswered = "a:1"}});
  EXPECT_THAT(get("/cluster").body, HasSubstr("\"replica_state\": \"doubtful\""));
  EXPECT_THAT(get("/cluster").body, HasSubstr("no answer from a:1"));
  EXPECT_EQ(get("/readyz").status, 200);
  EXPECT_THAT(get("/readyz").body, HasSubstr("no answer from a:1"));
}

TEST_F(FrontEnd, CountsRequestsByRouteAndNeverByKey) {
  start();
  get("/counters/secret-one");
  get("/counters/secret-two");
  get("/counters/unknown");
  post("/counters/secret-one");
  get("/readyz");
  get("/healthz");
  get("/cluster");
  get("/keys?prefix=secret");
  get("/keys?secret=1");
  get("/sets/unknown/members/secret-member");
  get("/nowhere/secret-one");
  ask(port, "OPTIONS", "/cluster");
  ask(port, "DELETE", "/sets/secret-one");

  const auto reply = get("/metrics");

  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.head, HasSubstr("Content-Type: text/plain; version=0.0.4"));
  const auto count = [&](std::string_view route, std::string_view status, std::string_view n) {
    std::string line = "\nstarling_http_requests_total{route=\"";
    line.append(route).append("\",status=\"").append(status).append("\"} ").append(n).append("\n");
    EXPECT_THAT(reply.body, HasSubstr(line));
  };
  count("/counters/{key}", "200", "3");
  count("/counters/{key}", "404", "1");
  count("/readyz", "200", "1");
  count("/healthz", "200", "1");
  count("/cluster", "200", "1");
  count("/keys", "200", "1");
  count("/sets/{key}/members/{member}", "404", "1");
  count("options", "204", "1");
  count("refused", "400", "1");
  count("refused", "404", "1");
  count("refused", "405", "1");
  EXPECT_THAT(reply.body, Not(HasSubstr("secret")));
  EXPECT_THAT(reply.body, HasSubstr("\nstarling_keys 7\n"));
  EXPECT_THAT(reply.body,
              HasSubstr("starling_http_request_duration_seconds_count{route=\"/readyz\"} 1\n"));
  for (const auto* series : {"{state=\"alive\"} 2\n", "{state=\"suspect\"} 1\n",
                             "{state=\"dead\"} 1\n", "{state=\"left\"} 1\n"})
    EXPECT_THAT(reply.body, HasSubstr("\nstarling_members" + std::string{series}));
}

TEST_F(FrontEnd, HasNoMetricsWhenAnActorFails) {
  start(patience, {.membership = some_error});

  expect_problem(get("/metrics"), 500, "internal");
}

TEST_F(FrontEnd, HasNeitherMetricsNorPeersWhileAnActorIsSilent) {
  start(100ms, {.gossip = {}});

  expect_problem(get("/metrics"), 504, "timed-out");
  expect_problem(get("/cluster"), 504, "timed-out");
}

TEST_F(FrontEnd, AnswersRequestsUnderWayBeforeItStops) {
  start();
  auto reply = std::async(std::launch::async, [this] { return get("/counters/mute"); });
  while (count_waiting() == 0)
    std::this_thread::yield();

  auto stopped = std::async(std::launch::async, [this] { door->stop(); });
  while (get("/healthz").status != 0) // until the port is closed
    std::this_thread::yield();
  for (const auto& s : node->shards)
    caf::anon_send(s, actors::flush_atom_v);
  stopped.get();

  EXPECT_EQ(reply.get().body, "{\"value\": 99}\n");
}

TEST_F(FrontEnd, RefusesWritesAndServesReadsWhileItLeaves) {
  start();

  service->wait_until_writes_are_refused();

  for (const auto& reply : {post("/counters/four"), get("/readyz")}) {
    expect_problem(reply, 503, "not-ready");
    EXPECT_THAT(reply.body, HasSubstr("\"title\": \"This node is leaving its cluster\""));
  }
  EXPECT_EQ(get("/counters/four").status, 200);
  EXPECT_EQ(get("/healthz").status, 200);
}

TEST_F(FrontEnd, SaysThatItLeavesAndTakesWritesAgainIfItDoesNot) {
  start();

  service->wait_until_writes_are_refused();
  EXPECT_THAT(get("/cluster").body, HasSubstr("\"leaving\": true"));
  service->take_writes();

  EXPECT_THAT(get("/cluster").body, HasSubstr("\"leaving\": false"));
  EXPECT_EQ(post("/counters/four").status, 200);
  EXPECT_EQ(get("/readyz").status, 200);
}

TEST_F(FrontEnd, RefusesWritesOnceThoseUnderWayAreDone) {
  start();
  auto reply = std::async(std::launch::async, [this] { return post("/counters/mute"); });
  while (count_waiting() == 0)
    std::this_thread::yield();

  auto refused =
      std::async(std::launch::async, [this] { service->wait_until_writes_are_refused(); });
  while (post("/counters/four").status == 200)
    std::this_thread::yield();
  EXPECT_EQ(refused.wait_for(0s), std::future_status::timeout) << "one is still under way";
  for (const auto& s : node->shards)
    caf::anon_send(s, actors::flush_atom_v);

  refused.get();
  EXPECT_EQ(reply.get().body, "{\"value\": 99}\n");
}

TEST_F(FrontEnd, ServesNobodyAfterItStopped) {
  start();
  door->stop();
  door->stop();

  EXPECT_EQ(get("/healthz").status, 0);
}

TEST_F(FrontEnd, SaysWhyItCannotOpenItsPort) {
  start();
  front_end::settings with{
      .options = {}, .secret = {"starling", "key"}, .replica = replica, .started = {}};
  with.options.listen = "127.0.0.1:" + std::to_string(port);

  front_end second{sys, with, *service};

  EXPECT_THAT(second.start().value_or(""), HasSubstr("Address already in use"));
}

} // namespace
} // namespace starling::http
