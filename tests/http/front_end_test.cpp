#include "../actors/fixture.hpp"
#include "http/front_end.hpp"
#include "loopback.hpp"

#include <caf/actor_cast.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <future>
#include <gmock/gmock.h>
#include <optional>
#include <thread>

namespace starling::http {
namespace {

using namespace std::chrono_literals;
using actors::counter_view;
using actors::errc;
using actors::increment;
using actors::make_member;
using testing::HasSubstr;
using testing::Not;

using clock = std::chrono::steady_clock;

/// Long enough for any answer, and short enough to see that somebody does not wait for it.
constexpr auto patience = 15s;

/// What a dummy actor answers, or why it does not; nothing to leave the request waiting.
template <class T>
using scripted = std::variant<std::monostate, T, caf::error>;

/// A shard whose keys say by their names what becomes of a request.
using dummy_shard = actors::shard_actor::extend<
    // How many reads and writes wait.
    caf::result<std::uint64_t>(actors::watch_atom),
    // Answers the requests that wait.
    caf::result<void>(actors::flush_atom)>;

scripted<crdt::view> outcome_of(const crdt::key& key) {
  if (key.name == "mute")
    return {};
  if (key.name == "unknown")
    return caf::make_error(errc::no_such_key);
  if (key.name == "range")
    return caf::make_error(errc::counter_range);
  if (key.name == "exhausted")
    return caf::make_error(errc::exhausted);
  if (key.name == "large")
    return caf::make_error(errc::value_too_large);
  if (key.name == "full")
    return caf::make_error(errc::disk_full, "no room in /private");
  if (key.name == "failed")
    return caf::make_error(errc::disk_failed, "no writes to /private");
  if (key.name == "mending")
    return caf::make_error(errc::being_mended);
  if (key.name == "broken")
    return caf::make_error(caf::sec::runtime_error, "private");
  return counter_view(static_cast<std::int64_t>(key.name.size()));
}

template <class T, class Pointer, class Promises>
caf::result<T> answer_or_keep(Pointer self, Promises& kept, const scripted<T>& what) {
  auto promise = self->template make_response_promise<T>();
  if (const auto* value = std::get_if<T>(&what))
    promise.deliver(*value);
  else if (const auto* why = std::get_if<caf::error>(&what))
    promise.deliver(*why);
  else
    kept.push_back(promise);
  return promise;
}

/// Of some keys in order, those that a query asks for.
std::vector<crdt::key> first_of(const std::vector<crdt::key>& keys, const crdt::key_query& q) {
  std::vector<crdt::key> result;
  for (const auto& range : crdt::ranges_of(q))
    for (const auto& key : keys)
      if (key >= range.first && range.contains(key) && result.size() < q.limit)
        result.push_back(key);
  return result;
}

/// A shard that says to a report how many keys it has, and to a list that it has `listed`.
dummy_shard::behavior_type behave(dummy_shard::pointer self, scripted<std::uint64_t> keys,
                                  scripted<std::vector<crdt::key>> listed) {
  struct state {
    std::vector<caf::typed_response_promise<crdt::view>> views;
    std::vector<caf::typed_response_promise<std::uint64_t>> reports;
    std::vector<caf::typed_response_promise<std::vector<crdt::key>>> lists;
  };
  auto s = std::make_shared<state>();
  return {
      [self, s](actors::apply_atom, const crdt::key& key,
                const crdt::command& c) -> caf::result<crdt::view> {
        auto what = outcome_of(key);
        if (std::holds_alternative<crdt::view>(what))
          what = counter_view(std::get<crdt::counter_add>(c).amount);
        return answer_or_keep(self, s->views, what);
      },
      [self, s](actors::read_atom, const crdt::key& key,
                const crdt::query& q) -> caf::result<crdt::view> {
        if (const auto* page = std::get_if<crdt::member_page>(&q))
          return crdt::page_view{{{}, page->limit}, {}};
        if (key.name == "killer")
          self->send_exit(caf::actor_cast<caf::actor>(self->current_sender()),
                          caf::exit_reason::user_shutdown);
        return answer_or_keep(self, s->views,
                              key.name == "killer" ? scripted<crdt::view>{} : outcome_of(key));
      },
      [](actors::join_atom, const crdt::key&, const crdt::value&) { return actors::novelty{}; },
      [](actors::state_atom, const crdt::key&) { return std::string{}; },
      [self, s, listed](actors::keys_atom, const crdt::key_query& q) {
        auto first = listed;
        if (auto* all = std::get_if<std::vector<crdt::key>>(&first))
          *all = first_of(*all, q);
        return answer_or_keep(self, s->lists, first);
      },
      [](actors::renew_atom, const crdt::replica_id&) {},
      [](actors::mended_atom) {},
      [self, s, keys](actors::report_atom) { return answer_or_keep(self, s->reports, keys); },
      [s](actors::watch_atom) { return std::uint64_t{s->views.size()}; },
      [s](actors::flush_atom) {
        for (auto& promise : std::exchange(s->views, {}))
          promise.deliver(counter_view(99));
        for (auto& promise : std::exchange(s->reports, {}))
          promise.deliver(std::uint64_t{99});
      },
  };
}

actors::gossip_actor::behavior_type behave(actors::gossip_actor::pointer self,
                                           const scripted<actors::gossip_report>& report) {
  auto kept = std::make_shared<std::vector<caf::typed_response_promise<actors::gossip_report>>>();
  return {
      [](actors::shards_atom, const std::vector<actors::shard_actor>&) {},
      [](actors::delta_atom, const crdt::key&, const actors::novelty&) {},
      [](actors::message_atom, const std::string&) { return std::string{}; },
      [](actors::peer_atom, const actors::gossip_peer&) {},
      [](actors::lost_atom, const membership::node_id&) {},
      [](actors::tick_atom) {},
      [](actors::flush_atom) {},
      [self, kept, report](actors::report_atom) { return answer_or_keep(self, *kept, report); },
  };
}

actors::membership_actor::behavior_type behave(actors::membership_actor::pointer self,
                                               const scripted<actors::membership_report>& report) {
  auto kept =
      std::make_shared<std::vector<caf::typed_response_promise<actors::membership_report>>>();
  return {
      [](actors::start_atom) {},
      [](actors::watch_atom, const actors::gossip_actor&) {},
      [](const actors::datagrams&) {},
      [](actors::message_atom, membership::call_kind, const std::string&) { return std::string{}; },
      [](actors::peer_atom, const std::string&) {},
      [](actors::leave_atom) { return actors::leave_report{}; },
      [](actors::tick_atom) {},
      [self, kept, report](actors::report_atom) { return answer_or_keep(self, *kept, report); },
  };
}

actors::storage_actor::behavior_type behave(const actors::storage_report& report) {
  return {
      [](actors::commit_atom, const storage::batch&) {},
      [](actors::tick_atom) {},
      [](actors::shards_atom, const std::vector<actors::numbering_actor>&) {},
      [](actors::renew_atom, const crdt::replica_id& id) { return id; },
      [](actors::damaged_atom, const storage::failure&) {},
      [](actors::mended_atom) {},
      [report](actors::report_atom) { return report; },
  };
}

constexpr std::chrono::sys_seconds a_while_ago{1'700'000'000s};

actors::member_report make_peer_report(std::string address, std::uint64_t number,
                                       membership::member_state state) {
  actors::member_report result{.record = make_member(std::move(address), number),
                               .since = a_while_ago};
  result.record.status.is = state;
  return result;
}

actors::membership_report make_membership_report() {
  using enum membership::member_state;
  actors::membership_report result;
  result.self = make_member("self:1", 1);
  result.health = 2;
  result.peers = {make_peer_report("a:1", 2, alive), make_peer_report("b:1", 3, suspect),
                  make_peer_report("c:1", 4, dead), make_peer_report("d:1", 5, left),
                  make_peer_report("a:1", 6, dead)};
  result.peers[0].round_trip = 1'250us;
  result.peers[0].health = 3;
  result.peers[1].record.status.accusers.insert(result.self.id);
  result.peers[1].record.status.accusers.insert(result.peers[0].record.id);
  result.peers[2].own_verdict = true;
  result.peers[4].replaced = true;
  result.unreached_seeds = {"seed:1"};
  return result;
}

actors::gossip_report make_gossip_report() {
  actors::gossip_report result;
  result.root = {0xab, 1};
  result.keys = 7;
  result.log_entries = 5;
  return result;
}

/// What the dummy actors say to a report.
struct node_script {
  std::optional<actors::storage_report> storage{}; // no disk
  scripted<std::uint64_t> first_shard = std::uint64_t{3};
  scripted<std::uint64_t> second_shard = std::uint64_t{4};
  scripted<std::vector<crdt::key>> first_list = std::vector<crdt::key>{};
  scripted<std::vector<crdt::key>> second_list = std::vector<crdt::key>{};
  scripted<actors::gossip_report> gossip = make_gossip_report();
  scripted<actors::membership_report> membership = make_membership_report();
};

/// The dummy actors, for a front end.
struct dummy_node {
  dummy_node(caf::actor_system& sys, const node_script& script)
      : shards{sys.spawn([script](dummy_shard::pointer p) {
                 return behave(p, script.first_shard, script.first_list);
               }),
               sys.spawn([script](dummy_shard::pointer p) {
                 return behave(p, script.second_shard, script.second_list);
               })},
        gossip(sys.spawn(
            [s = script.gossip](actors::gossip_actor::pointer p) { return behave(p, s); })),
        membership(sys.spawn([s = script.membership](actors::membership_actor::pointer p) {
          return behave(p, s);
        })) {
    if (script.storage)
      storage =
          sys.spawn([s = *script.storage](actors::storage_actor::pointer) { return behave(s); });
  }

  front_end_context context() const {
    return {actors::shard_map{{shards[0], shards[1]}}, gossip, membership, {}, storage};
  }

  std::vector<dummy_shard> shards;
  actors::gossip_actor gossip;
  actors::membership_actor membership;
  actors::storage_actor storage;
};

crdt::key counter(std::string name) {
  return {crdt::type::counter, std::move(name)};
}

const caf::error some_error = caf::make_error(caf::sec::runtime_error);

// -- the actor, one message at a time --

class FrontEndActor : with_types, public actors::actor_test {
protected:
  void spawn(const node_script& script = {}) {
    node.emplace(sys, script);
    for (const auto& shard : node->shards)
      track(shard);
    track(node->gossip);
    track(node->membership);
    actor = track(spawn_front_end(sys, node->context()));
  }

  /// Sends the actor a question with a way back.
  template <class... Ts>
  std::future<answer> open(Ts... question) {
    auto promise = std::make_shared<std::promise<answer>>();
    auto result = promise->get_future();
    caf::anon_send(actor, std::move(question)..., reply_to<answer>{std::move(promise)});
    return result;
  }

  template <class... Ts>
  std::future<answer> start(Ts... question) {
    auto result = open(std::move(question)...);
    settle();
    return result;
  }

  static bool is_ready(const std::future<answer>& future) {
    return future.wait_for(0s) == std::future_status::ready;
  }

  /// The T that was answered; fails the test without one.
  template <class T>
  static T take(std::future<answer> future) {
    if (!is_ready(future)) {
      ADD_FAILURE() << "no answer";
      return T{};
    }
    auto a = future.get();
    EXPECT_TRUE(std::holds_alternative<T>(a)) << a.index();
    return std::holds_alternative<T>(a) ? std::get<T>(std::move(a)) : T{};
  }

  static void expect_broken(std::future<answer> future) {
    ASSERT_TRUE(is_ready(future));
    EXPECT_THROW(future.get(), std::future_error);
  }

  void end() {
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    settle();
  }

  std::optional<dummy_node> node;
  front_end_actor actor;
};

TEST_F(FrontEndActor, AnswersARead) {
  spawn();

  EXPECT_EQ(take<crdt::view>(start(counter("four"), crdt::query{})), counter_view(4));
}

TEST_F(FrontEndActor, HandsOnWhatAReadAsksFor) {
  spawn();

  const auto seen =
      take<crdt::view>(start(counter("four"), crdt::query{crdt::member_page{"apple", 17}}));

  EXPECT_EQ(seen, crdt::view{(crdt::page_view{{{}, 17}, {}})});
}

TEST_F(FrontEndActor, AnswersAWrite) {
  spawn();

  EXPECT_EQ(take<crdt::view>(start(counter("four"), increment(7))), counter_view(7));
}

TEST_F(FrontEndActor, AsksTheShardOfTheKey) {
  spawn();
  const auto shards = node->context().shards;
  caf::anon_send_exit(node->shards[0], caf::exit_reason::kill);
  settle();

  int answered = 0;
  for (int i = 0; i < 20; ++i) {
    const auto key = counter(std::to_string(i));
    const auto a = start(key, crdt::query{}).get();
    EXPECT_EQ(std::holds_alternative<crdt::view>(a), shards.of(key) != shards.all()[0]);
    answered += std::holds_alternative<crdt::view>(a);
  }
  EXPECT_GT(answered, 0);
  EXPECT_LT(answered, 20);
}

TEST_F(FrontEndActor, HandsOnWhyAnActorRefused) {
  spawn();

  EXPECT_EQ(take<caf::error>(start(counter("unknown"), crdt::query{})), errc::no_such_key);
  EXPECT_EQ(take<caf::error>(start(counter("range"), increment(1))), errc::counter_range);
  EXPECT_EQ(take<caf::error>(start(counter("exhausted"), increment(1))), errc::exhausted);
  EXPECT_EQ(take<caf::error>(start(counter("large"), increment(1))), errc::value_too_large);
}

TEST_F(FrontEndActor, LeavesTheReplyOpenWhileAShardIsSilent) {
  spawn();
  auto read = start(counter("mute"), crdt::query{});
  auto write = start(counter("mute"), increment(1));
  advance(1h);
  EXPECT_FALSE(is_ready(read));
  EXPECT_FALSE(is_ready(write));
  EXPECT_EQ(take<crdt::view>(start(counter("four"), crdt::query{})), counter_view(4));

  for (const auto& shard : node->shards)
    tell(shard, actors::flush_atom_v);

  EXPECT_EQ(take<crdt::view>(std::move(read)), counter_view(99));
  EXPECT_EQ(take<crdt::view>(std::move(write)), counter_view(99));
}

TEST_F(FrontEndActor, DropsAnAnswerThatNobodyWaitsFor) {
  spawn();
  start(counter("mute"), crdt::query{});

  for (const auto& shard : node->shards)
    tell(shard, actors::flush_atom_v);

  EXPECT_EQ(take<crdt::view>(start(counter("four"), crdt::query{})), counter_view(4));
}

TEST_F(FrontEndActor, AnswersWithAnErrorWhenTheShardEnds) {
  spawn();
  auto before = start(counter("mute"), crdt::query{});
  for (const auto& shard : node->shards)
    caf::anon_send_exit(shard, caf::exit_reason::kill);
  settle();

  EXPECT_TRUE(take<caf::error>(std::move(before)));
  EXPECT_TRUE(take<caf::error>(start(counter("four"), crdt::query{})));
}

TEST_F(FrontEndActor, BreaksTheRepliesUnderWayWhenItEnds) {
  spawn({.gossip = {}});
  auto read = start(counter("mute"), crdt::query{});
  auto write = start(counter("mute"), increment(1));
  auto report = start(report_atom_v);

  end();

  expect_broken(std::move(read));
  expect_broken(std::move(write));
  expect_broken(std::move(report));
}

TEST_F(FrontEndActor, BreaksTheRepliesOfQuestionsThatItDidNotReadWhenItEnds) {
  spawn();
  settle();
  auto before = open(counter("four"), crdt::query{});
  caf::anon_send_exit(actor, caf::exit_reason::kill); // goes before other messages
  auto after = open(report_atom_v);
  settle();

  expect_broken(std::move(before));
  expect_broken(std::move(after));
}

TEST_F(FrontEndActor, BreaksRepliesAfterItsEndAtOnce) {
  spawn();
  end();

  expect_broken(start(counter("four"), crdt::query{}));
  expect_broken(start(report_atom_v));
}

TEST_F(FrontEndActor, GathersAReportFromAllActors) {
  spawn();

  const auto report = take<node_report>(start(report_atom_v));

  EXPECT_EQ(report.gossip.keys, 7u);
  EXPECT_EQ(report.gossip.log_entries, 5u);
  EXPECT_EQ(report.membership.self, make_member("self:1", 1));
  EXPECT_EQ(report.membership.peers.size(), 5u);
}

TEST_F(FrontEndActor, GivesNoReportWhileOneActorIsSilent) {
  for (const auto& script : {node_script{.first_shard = {}}, node_script{.second_shard = {}},
                             node_script{.gossip = {}}, node_script{.membership = {}}}) {
    spawn(script);
    const auto report = start(report_atom_v);
    advance(1h);
    EXPECT_FALSE(is_ready(report));
  }
}

TEST_F(FrontEndActor, FailsAReportOnceThoughSeveralActorsFail) {
  spawn({.first_shard = some_error,
         .second_shard = some_error,
         .gossip = some_error,
         .membership = some_error});
  EXPECT_EQ(take<caf::error>(start(report_atom_v)), some_error);

  spawn({.first_shard = some_error, .second_shard = std::uint64_t{1}, .membership = some_error});
  EXPECT_EQ(take<caf::error>(start(report_atom_v)), some_error);
  EXPECT_EQ(take<crdt::view>(start(counter("four"), crdt::query{})), counter_view(4));
}

TEST_F(FrontEndActor, MergesTheKeysOfAllShards) {
  spawn({.first_list = std::vector{counter("b"), counter("d")},
         .second_list = std::vector{counter("a"), counter("c")}});
  const auto list = [&](std::size_t limit) {
    return take<crdt::key_page>(start(crdt::key_query{.limit = limit}));
  };

  EXPECT_EQ(list(3), (crdt::key_page{{counter("a"), counter("b"), counter("c")}, true}));
  EXPECT_EQ(list(4).keys.size(), 4u);
  EXPECT_FALSE(list(4).more);
}

TEST_F(FrontEndActor, AsksAllShardsForTheSameKeys) {
  spawn({.first_list = std::vector{counter("b1"), counter("b3"), counter("c")},
         .second_list = std::vector{counter("a"), counter("b2"), counter("c")}});

  const auto page = take<crdt::key_page>(start(crdt::key_query{
      .type = crdt::type::counter, .prefix = "b", .after = counter("b1"), .limit = 9}));

  EXPECT_EQ(page, (crdt::key_page{{counter("b2"), counter("b3")}, false}));
}

TEST_F(FrontEndActor, SeesThatThereIsMoreThoughAllOfItIsInOneShard) {
  spawn({.first_list = std::vector{counter("a"), counter("b")}});

  EXPECT_EQ(take<crdt::key_page>(start(crdt::key_query{.limit = 1})),
            (crdt::key_page{{counter("a")}, true}));
}

TEST_F(FrontEndActor, ListsNoKeysWhileAShardIsSilentOrFails) {
  spawn({.second_list = {}});
  const auto waiting = start(crdt::key_query{.limit = 1});
  advance(1h);
  EXPECT_FALSE(is_ready(waiting));

  spawn({.first_list = some_error, .second_list = some_error});
  EXPECT_EQ(take<caf::error>(start(crdt::key_query{.limit = 1})), some_error);
  EXPECT_EQ(take<crdt::view>(start(counter("four"), crdt::query{})), counter_view(4));
}

// -- the whole door, over loopback --

const crdt::replica_id replica{};

class FrontEnd : public threaded_test {
protected:
  ~FrontEnd() override {
    if (door)
      door->stop();
  }

  void start(std::chrono::milliseconds timeout = patience, const node_script& script = {}) {
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
      with.options.request_timeout = timeout;
      door.emplace(sys, with, node->context());
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

  std::optional<dummy_node> node;
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
       {std::tuple{"full", 507, "disk-full"}, std::tuple{"failed", 503, "disk-failed"}}) {
    const auto reply = post("/counters/" + std::string{key});
    expect_problem(reply, status, code);
    EXPECT_THAT(reply.body, testing::Not(HasSubstr("private"))) << "paths are the log's";
  }
  expect_problem(post("/counters/mending"), 503, "being-mended");
  expect_problem(get("/counters/mending"), 503, "being-mended");
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
  EXPECT_EQ(reply.body, "{\"status\": \"ready\"}\n");
}

TEST_F(FrontEnd, SaysWhyItsDiskKeepsItFromBeingReady) {
  using storage::trouble;
  const std::vector<std::pair<actors::storage_report, std::string>> reports{
      {{.failure = storage::failure{trouble::full, "no room"}}, "nothing can be written: no room"},
      {{.damage = "a flipped bit"}, "something cannot be read: a flipped bit"},
      {{.unreadable = "too many open files"}, "something could not be read: too many open files"},
      {{.is_mending = true}, "what was damaged on the disk is brought back from other nodes"}};
  for (const auto& [report, sentence] : reports) {
    start(patience, {.storage = report});
    const auto reply = get("/readyz");
    expect_problem(reply, 503, "not-ready");
    EXPECT_THAT(reply.body, HasSubstr(sentence));
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
    return text.append(rest).append("}");
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
                        "], \"unreached_seeds\": [\"seed:1\"]"));
  EXPECT_THAT(reply.body,
              HasSubstr("\"replication\": {\"root\": \"00000000000000ab0000000000000001\", "
                        "\"keys\": 7, "));
  EXPECT_THAT(reply.body, HasSubstr("{\"self\": {\"name\": \"node-1\""));
  EXPECT_THAT(reply.body,
              HasSubstr("\"state\": \"alive\", \"incarnation\": \"1.0\", \"health\": 2, "
                        "\"isolated\": false, \"leaving\": false}"));
  EXPECT_THAT(reply.body, HasSubstr("\"replica\": \"" + to_string(replica) + "\""));
  EXPECT_THAT(reply.body, HasSubstr("\"started\": \"2023-11-14T22:13:20Z\""));
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
    line.append(route).append("\",status=\"").append(status).append("\"} ").append(n).append(" ");
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
  EXPECT_THAT(reply.body, HasSubstr("\nstarling_keys 7 "));
  for (const auto* series : {"{state=\"alive\"} 2 ", "{state=\"suspect\"} 1 ",
                             "{state=\"dead\"} 1 ", "{state=\"left\"} 1 "})
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

  door->refuse_writes();

  expect_problem(post("/counters/four"), 503, "not-ready");
  expect_problem(get("/readyz"), 503, "not-ready");
  EXPECT_EQ(get("/counters/four").status, 200);
  EXPECT_EQ(get("/healthz").status, 200);
}

TEST_F(FrontEnd, RefusesWritesOnceThoseUnderWayAreDone) {
  start();
  auto reply = std::async(std::launch::async, [this] { return post("/counters/mute"); });
  while (count_waiting() == 0)
    std::this_thread::yield();

  auto refused = std::async(std::launch::async, [this] { door->refuse_writes(); });
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

  front_end second{sys, with, node->context()};

  EXPECT_THAT(second.start().value_or(""), HasSubstr("Address already in use"));
}

} // namespace
} // namespace starling::http
