#include "../actors/fixture.hpp"
#include "actors/call_guard.hpp"
#include "actors/gossip.hpp"
#include "actors/inquiry.hpp"
#include "actors/membership.hpp"
#include "http/peer_calls.hpp"
#include "http/peer_listener.hpp"
#include "loopback.hpp"
#include "node/operator/backup_command.hpp"
#include "node/operator/leave_command.hpp"
#include "replication/confirmation.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <atomic>
#include <gmock/gmock.h>
#include <optional>
#include <thread>

namespace starling::http {
namespace {

using namespace std::chrono_literals;
using actors::gossip_path;

using clock = std::chrono::steady_clock;

const wire::secret ours{"starling", "key"};
const wire::nonce unique{1, 2};

/// Long enough for any answer, and short enough to see that somebody does not wait for it.
constexpr auto patience = 15s;

const std::string ping_path = actors::path_of(membership::call_kind::ping);
const std::string sync_path = actors::path_of(membership::call_kind::sync);
const std::string backup_path = node::backup_path;
const std::string leave_path = node::leave_path;

std::string seal(std::string_view path, std::string_view content, const wire::secret& with = ours) {
  return wire::seal_request(with, path, unique, content);
}

constexpr std::uint64_t wall_clock = 1'700'000'000'000;

membership::identity make_identity(std::uint64_t number) {
  return {.id = membership::node_id::from(number, number),
          .generation = wall_clock,
          .wall_clock = wall_clock,
          .session = {number},
          .address = "node-" + std::to_string(number) + ":1",
          .name = "node-" + std::to_string(number),
          .http_address = ""};
}

class PeerListener : public threaded_test {
protected:
  PeerListener() : fakes_(sys), resolver_(sys) {
    track(fakes_.handle());
    track(resolver_.handle());
    resolver_.set(membership::udp_address::v4(10, 0, 0, 1, 1));
    membership_ = track(
        actors::spawn_membership(sys, {.self = make_identity(1),
                                       .settings = {},
                                       .secret = ours,
                                       .seeds = {},
                                       .random_seed = 1,
                                       .peers = fakes_.handle(),
                                       .resolver = resolver_.handle(),
                                       .seed_resolver = resolver_.handle(),
                                       .send = [](const auto&, auto) {},
                                       .take = [] { return std::vector<actors::datagram>{}; }}));
    gossip_ = track(actors::spawn_gossip(sys, {.session = {1},
                                               .limits = {},
                                               .digests = replication::digester{{}},
                                               .interval = 1h,
                                               .random_seed = 1,
                                               .peers = fakes_.handle(),
                                               .membership = membership_}));
    backup_ = track(
        sys.spawn([this](actors::backup_actor::pointer) -> actors::backup_actor::behavior_type {
          return {[this](actors::back_up_atom, const std::string& folder) {
                    ++backups_;
                    return actors::backup_report{folder, actors::backup_state::running, ""};
                  },
                  [](actors::report_atom) {
                    return actors::backup_report{"/last", actors::backup_state::failed, "why"};
                  }};
        }));
  }

  ~PeerListener() override {
    if (listener_)
      listener_->stop();
  }

  void start(std::chrono::milliseconds timeout = patience) {
    caf::anon_send(membership_, actors::start_atom_v);
    open(timeout);
    const auto takes_part = [this] {
      return ask(port_, "POST", ping_path, seal(ping_path, begun())).status != 503;
    };
    while (!takes_part())
      std::this_thread::yield();
  }

  void open(std::chrono::milliseconds timeout = patience) {
    port_ = open_free_port([&](const std::string& address) {
      starling::config::options o;
      o.cluster.listen = address;
      o.cluster.peer_timeout = timeout;
      o.cluster.threads = 2;
      const auto leave = [this] {
        ++departures_;
        return actors::leave_report{.others = 3, .acknowledged = 2};
      };
      const asker via{sys, timeout};
      auto rows = calls_to_a_node(via, {membership_, gossip_, backup_, leave});
      rows.insert(rows.end(), further_calls_.begin(), further_calls_.end());
      const auto guard = track(actors::spawn_call_guard(sys, {1}, 1000));
      listener_.emplace(sys, o, ours, call_table{via, guard, std::move(rows)});
      return !listener_->start();
    });
  }

  void expect_refusal(std::string_view path, std::string_view body, int status) {
    const auto reply = ask(port_, "POST", path, body);
    EXPECT_EQ(reply.status, status) << reply.body;
    EXPECT_EQ(reply.body.find('\n'), reply.body.size() - 1) << reply.body; // one line
    EXPECT_LT(reply.body.size(), 100u);
  }

  /// What is in the answer to a request.
  static std::string opened(const std::string& sealed, const exchanged& reply) {
    EXPECT_EQ(reply.status, 200) << reply.body;
    const auto content = wire::open_answer(ours, sealed, reply.body);
    const auto* bytes = std::get_if<std::string_view>(&content);
    EXPECT_TRUE(bytes);
    return bytes ? std::string{*bytes} : "";
  }

  std::string call(const std::string& path, std::string_view content) {
    const auto sealed = seal(path, content);
    return opened(sealed, ask(port_, "POST", path, sealed));
  }

  /// A gossip actor that takes messages and never answers them.
  void mute_gossip() {
    using promise = caf::typed_response_promise<std::string>;
    gossip_ = track(
        sys.spawn([](actors::gossip_actor::pointer self) -> actors::gossip_actor::behavior_type {
          auto kept = std::make_shared<std::vector<promise>>();
          return {
              [](actors::shards_atom, const std::vector<actors::shard_actor>&) {},
              [](actors::delta_atom, const crdt::key&, const actors::novelty&) {},
              [](actors::news_atom, const crdt::key&) {},
              [](actors::news_atom) {},
              [](actors::join_atom, std::uint64_t, const keyspace::join_outcome&) {},
              [self, kept](actors::message_atom, const std::string&) -> caf::result<std::string> {
                return kept->emplace_back(self->make_response_promise<std::string>());
              },
              [](actors::renew_atom, const crdt::replica_id&, const storage::renewal&) {},
              [](actors::question_atom, const std::string& text) { return "asked " + text; },
              [](actors::peer_atom, const actors::gossip_peer&) {},
              [](actors::lost_atom, const membership::node_id&) {},
              [](actors::tick_atom) {},
              [](actors::confirm_atom) {},
              [](actors::doubt_atom) {},
              [](actors::flush_atom) {},
              [](actors::leave_atom) {},
              [](actors::report_atom) { return actors::gossip_report{}; },
          };
        }));
  }

  /// The beginning of a call for the node, by somebody who called never before.
  static std::string begun(wire::challenge to = {{1}}) {
    static std::uint64_t callers = 1000;
    wire::writer out;
    encode(out, wire::call_header{{++callers}, 1, to});
    return std::move(out).take();
  }

  /// Asks who is there.
  const std::string good = seal(ping_path, begun({}));

  actors::fake_peers fakes_;
  actors::fake_resolver resolver_;
  std::atomic<int> departures_ = 0;
  std::atomic<int> backups_ = 0;
  actors::membership_actor membership_;
  actors::gossip_actor gossip_;
  actors::backup_actor backup_;
  std::vector<call_row> further_calls_;
  std::optional<peer_listener> listener_;
  std::uint16_t port_ = 0;
};

TEST_F(PeerListener, AnswersACallForTheRequestThatItCameIn) {
  start();

  const auto sealed = seal(ping_path, begun() + static_cast<char>(wire::spoken.newest));
  const auto reply = ask(port_, "POST", ping_path, sealed);

  const auto answer = opened(sealed, reply);
  const auto content = wire::decode_answer(answer);
  wire::reader in{std::get<std::string_view>(content).substr(1)};
  const auto who = membership::decode_member(in);
  EXPECT_TRUE(in.ok());
  EXPECT_EQ(who.id, membership::node_id::from(1, 1));
  const auto other = wire::seal_request(ours, ping_path, {3, 4}, "");
  EXPECT_TRUE(
      std::holds_alternative<wire::envelope_error>(wire::open_answer(ours, other, reply.body)));
}

TEST_F(PeerListener, ExchangesMemberLists) {
  start();
  membership::swim other{{}, make_identity(2), ours, {"node-1:1"}, 1, membership::duration{1}};
  other.start(membership::duration{1}, membership::udp_address::v4(10, 0, 0, 2, 1));
  other.found(membership::duration{1}, "node-1:1", {"10.0.0.1:1"});
  ASSERT_EQ(other.out().calls.size(), 1u);
  const auto carry = [&] {
    const auto asked = other.out().calls.at(0);
    EXPECT_FALSE(
        other.call_answered(membership::duration{2}, asked.token, call(sync_path, asked.content)));
  };

  carry(); // it is told who is there
  carry();

  ASSERT_EQ(other.peers().size(), 1u);
  EXPECT_EQ(other.peers().front().record->profile->name, "node-1");
  EXPECT_TRUE(other.has_joined());
}

TEST_F(PeerListener, AnswersNoMemberBeforeItTakesPart) {
  open();
  expect_refusal(ping_path, seal(ping_path, begun()), 503);
}

TEST_F(PeerListener, TellsACallerForWhichProcessACallHasToBe) {
  start();
  EXPECT_EQ(call(ping_path, begun({})), wire::encode_answer(wire::challenge{{1}}));
  EXPECT_EQ(call(sync_path, begun({{4711}})), wire::encode_answer(wire::challenge{{1}}));
}

TEST_F(PeerListener, CarriesACallOutOnce) {
  start();
  for (const auto& path : {ping_path, leave_path}) {
    const auto content = path == ping_path ? std::string(1, wire::spoken.newest) : "";
    const auto once = seal(path, begun() + content);
    EXPECT_EQ(ask(port_, "POST", path, once).status, 200);
    expect_refusal(path, once, 400);
  }
  EXPECT_EQ(departures_, 1);
}

TEST_F(PeerListener, ServesAFurtherCallThatIsARowOfTheTable) {
  const auto echo = [](const std::string& content) {
    return wire::encode_answer("heard " + content);
  };
  const std::string once = "/cluster/once";
  const std::string often = "/cluster/often";
  further_calls_ = {{.path = once, .handle = echo},
                    {.path = often, .may_be_repeated = true, .handle = echo}};
  start();

  const auto order = seal(once, begun() + "me");
  const auto reply = ask(port_, "POST", once, order);
  EXPECT_EQ(opened(order, reply), wire::encode_answer("heard me"));
  expect_refusal(once, order, 400);
  EXPECT_EQ(call(once, begun({{4711}}) + "me"), wire::encode_answer(wire::challenge{{1}}));

  const auto question = seal(often, "me");
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(opened(question, ask(port_, "POST", often, question)),
              wire::encode_answer("heard me"));
}

// -- leaving --

TEST_F(PeerListener, LeavesWhenItIsTold) {
  start();

  const auto answer = call(leave_path, begun());

  EXPECT_EQ(departures_, 1);
  const auto content = wire::decode_answer(answer);
  const auto done = node::decode_leave_report(std::get<std::string_view>(content));
  ASSERT_TRUE(std::holds_alternative<actors::leave_report>(done));
  EXPECT_EQ(std::get<actors::leave_report>(done).others, 3u);
  EXPECT_EQ(std::get<actors::leave_report>(done).acknowledged, 2u);
}

TEST_F(PeerListener, DoesNotLeaveWhenAnotherLifeIsTold) {
  start();

  const auto answer = call(leave_path, begun({{4711}}));

  EXPECT_EQ(answer, wire::encode_answer(wire::challenge{{1}}));
  EXPECT_EQ(departures_, 0);
}

TEST_F(PeerListener, DoesNotLeaveTwiceForOneOrder) {
  start();
  const auto order = seal(leave_path, begun());
  ASSERT_EQ(ask(port_, "POST", leave_path, order).status, 200);

  expect_refusal(leave_path, order, 400);

  EXPECT_EQ(departures_, 1);
}

TEST_F(PeerListener, DoesNotLeaveForOrdersThatAreNone) {
  start();
  const auto order = begun();

  for (const auto& other : {order.substr(0, order.size() - 1), order + "x", std::string(12, 'x')})
    expect_refusal(leave_path, seal(leave_path, other), 400);
  expect_refusal(leave_path, seal(leave_path, order, {"starling", "another key"}), 403);
  expect_refusal(leave_path, seal(ping_path, order), 403);

  EXPECT_EQ(departures_, 0);
}

// -- backups --

TEST_F(PeerListener, MakesABackupWhenItIsToldAndSaysHowItGoes) {
  start();
  const auto report_in = [](const std::string& answer) {
    const auto content = wire::decode_answer(answer);
    return std::get<actors::backup_report>(
        node::decode_backup_report(std::get<std::string_view>(content)));
  };

  const auto begun_one = report_in(call(backup_path, begun() + "/new"));
  EXPECT_EQ(backups_, 1);
  EXPECT_EQ(begun_one.folder, "/new");
  EXPECT_EQ(begun_one.state, actors::backup_state::running);

  const auto last = report_in(call(backup_path, begun()));
  EXPECT_EQ(backups_, 1) << "it was only asked";
  EXPECT_EQ(last.folder, "/last");
  EXPECT_EQ(last.why, "why");
}

TEST_F(PeerListener, MakesNoBackupForAnotherLifeOrTwiceOrForStrangers) {
  start();
  EXPECT_EQ(call(backup_path, begun({{4711}}) + "/new"), wire::encode_answer(wire::challenge{{1}}));
  EXPECT_EQ(backups_, 0);
  const auto order = begun() + "/new";
  expect_refusal(backup_path, seal(backup_path, order, {"starling", "another key"}), 403);
  expect_refusal(backup_path, seal(leave_path, order), 403);
  EXPECT_EQ(backups_, 0);

  ASSERT_EQ(ask(port_, "POST", backup_path, seal(backup_path, order)).status, 200);
  expect_refusal(backup_path, seal(backup_path, order), 400);

  EXPECT_EQ(backups_, 1);
}

TEST_F(PeerListener, AnswersGossip) {
  start();
  const auto sealed = seal(gossip_path, replication::encode(replication::message{{2}, {9}, 5}, {}));

  const auto reply = ask(port_, "POST", gossip_path, sealed);

  const auto a = actors::decode_answer(opened(sealed, reply));
  replication::answer expected{{1}, {2}, 5, replication::verdict::other_session};
  expected.kept_since = {1}; // since this session
  EXPECT_EQ(a, expected);
}

TEST_F(PeerListener, AnswersWhatIsKnownOfAReplicaId) {
  start();
  const auto question = replication::encode_question(crdt::replica_id::from(3, 4));
  EXPECT_EQ(replication::decode_statement(call(actors::inquiry_path, question)),
            (wire::decoded<replication::statement>{replication::statement{{1}, 0, {1}}}));
  expect_refusal(actors::inquiry_path, seal(actors::inquiry_path, "x"), 400);
}

TEST_F(PeerListener, RefusesEveryMethodButPost) {
  start();
  for (const auto* method : {"GET", "PUT", "DELETE", "PATCH", "OPTIONS"})
    EXPECT_EQ(ask(port_, method, ping_path, good).status, 405) << method;
}

TEST_F(PeerListener, KnowsSixPathsOnly) {
  start();
  for (const std::string path : {"/", "/cluster", "/cluster/", "/cluster/ping/", "/cluster/ping?x",
                                 "/cluster/%70ing", "/cluster/join", "/counters/a"})
    expect_refusal(path, seal(path, ""), 404);
}

TEST_F(PeerListener, RefusesWhatIsNoEnvelope) {
  start();
  const auto sealed = seal(ping_path, "content");
  expect_refusal(ping_path, "", 400);
  expect_refusal(ping_path, "garbage", 400);
  expect_refusal(ping_path, std::string(1000, 'x'), 400);
  expect_refusal(ping_path, sealed.substr(0, wire::envelope_size - 1), 400);
  expect_refusal(ping_path, '\x7f' + sealed.substr(1), 400);
}

TEST_F(PeerListener, RefusesForeignClusters) {
  start();
  expect_refusal(ping_path, seal(ping_path, "", {"other", "key"}), 403);
  expect_refusal(ping_path, seal(ping_path, "", {"starling", "other"}), 403);
  expect_refusal(ping_path, seal(ping_path, "", {"starling", ""}), 403);
}

TEST_F(PeerListener, RefusesWhatWasAlteredOnTheWay) {
  start();
  const auto sealed = seal(ping_path, "content");
  for (std::size_t i = 1; i < sealed.size(); ++i) { // the first byte is the version
    auto altered = sealed;
    altered[i] = static_cast<char>(altered[i] ^ (1 << (i % 8)));
    expect_refusal(ping_path, altered, 403);
  }
  expect_refusal(ping_path, sealed.substr(0, sealed.size() - 1), 403);
  expect_refusal(ping_path, sealed + "x", 403);
}

TEST_F(PeerListener, RefusesWhatWasSealedForAnotherPath) {
  start();
  expect_refusal(gossip_path, good, 403);
  expect_refusal(ping_path, seal(gossip_path, ""), 403);
}

TEST_F(PeerListener, RefusesContentThatIsNoMessage) {
  start();
  for (const auto* content : {"", "garbage"}) {
    expect_refusal(sync_path, seal(sync_path, content), 400);
    expect_refusal(gossip_path, seal(gossip_path, content), 400);
  }
}

TEST_F(PeerListener, GivesUpOnAnActorThatDoesNotAnswerInTime) {
  mute_gossip();
  start(100ms);
  const auto begin = clock::now();

  expect_refusal(gossip_path, seal(gossip_path, "any"), 503);

  EXPECT_GE(clock::now() - begin, 100ms);
  EXPECT_LT(clock::now() - begin, patience);
  EXPECT_EQ(ask(port_, "POST", ping_path, good).status, 200);
}

TEST_F(PeerListener, SaysAtOnceThatAnActorIsGone) {
  start();
  caf::anon_send_exit(membership_, caf::exit_reason::kill);
  const auto begin = clock::now();

  expect_refusal(ping_path, seal(ping_path, begun()), 503);

  EXPECT_LT(clock::now() - begin, patience);
}

TEST_F(PeerListener, ServesNobodyAfterItStopped) {
  start();
  listener_->stop();
  listener_->stop();

  EXPECT_EQ(ask(port_, "POST", ping_path, good).status, 0);
}

} // namespace
} // namespace starling::http
