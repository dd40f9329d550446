#include "../actors/fixture.hpp"
#include "actors/gossip.hpp"
#include "actors/membership.hpp"
#include "http/peer_listener.hpp"
#include "loopback.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <gmock/gmock.h>
#include <optional>

namespace starling::http {
namespace {

using namespace std::chrono_literals;
using actors::gossip_path;
using actors::join_path;
using actors::make_member;
using membership::announcement;

using clock = std::chrono::steady_clock;

const wire::secret ours{"starling", "key"};
const wire::nonce unique{1, 2};

/// Long enough for any answer, and short enough to see that somebody does not wait for it.
constexpr auto patience = 15s;

std::string encode(const announcement& said) {
  wire::writer out;
  membership::encode(out, said);
  return std::move(out).take();
}

std::string seal(std::string_view path, std::string_view content, const wire::secret& with = ours) {
  return wire::seal_request(with, path, unique, content);
}

const std::string good = encode({make_member("peer:1", 2), {}});

class PeerListener : public threaded_test {
protected:
  PeerListener() : fakes_(sys) {
    track(fakes_.handle());
    membership_ = track(actors::spawn_membership(sys, {.self = make_member("self:1", 1),
                                                       .options = {},
                                                       .random_seed = 1,
                                                       .peers = fakes_.handle()}));
    gossip_ = track(actors::spawn_gossip(sys, {.session = {1},
                                               .limits = {},
                                               .interval = 1h,
                                               .random_seed = 1,
                                               .peers = fakes_.handle(),
                                               .membership = membership_}));
  }

  ~PeerListener() override {
    if (listener_)
      listener_->stop();
  }

  void start(std::chrono::milliseconds timeout = patience) {
    port_ = open_free_port([&](const std::string& address) {
      actors::options o;
      o.cluster.listen = address;
      o.cluster.peer_timeout = timeout;
      o.cluster.threads = 2;
      listener_.emplace(sys, o, ours, membership_, gossip_);
      return !listener_->start();
    });
  }

  void expect_refusal(std::string_view path, std::string_view body, int status) {
    const auto reply = ask(port_, "POST", path, body);
    EXPECT_EQ(reply.status, status) << reply.body;
    EXPECT_EQ(reply.body.find('\n'), reply.body.size() - 1) << reply.body; // one line
    EXPECT_LT(reply.body.size(), 100u);
  }

  /// A gossip actor that takes messages and never answers them.
  void mute_gossip() {
    using promise = caf::typed_response_promise<std::string>;
    gossip_ = track(
        sys.spawn([](actors::gossip_actor::pointer self) -> actors::gossip_actor::behavior_type {
          auto kept = std::make_shared<std::vector<promise>>();
          return {
              [](actors::shards_atom, const std::vector<actors::shard_actor>&) {},
              [](actors::delta_atom, const crdt::key&, const crdt::value&) {},
              [self, kept](actors::message_atom, const std::string&) -> caf::result<std::string> {
                return kept->emplace_back(self->make_response_promise<std::string>());
              },
              [](actors::peer_atom, const membership::member&) {},
              [](actors::tick_atom) {},
              [](actors::flush_atom) {},
              [](actors::report_atom) { return actors::gossip_report{}; },
          };
        }));
  }

  actors::fake_peers fakes_;
  actors::membership_actor membership_;
  actors::gossip_actor gossip_;
  std::optional<peer_listener> listener_;
  std::uint16_t port_ = 0;
};

TEST_F(PeerListener, AnswersAnAnnouncementForTheRequestThatItCameIn) {
  start();
  const auto sealed = seal(join_path, good);

  const auto reply = ask(port_, "POST", join_path, sealed);

  ASSERT_EQ(reply.status, 200) << reply.body;
  const auto opened = wire::open_answer(ours, sealed, reply.body);
  ASSERT_TRUE(std::holds_alternative<std::string_view>(opened));
  const auto said = membership::decode_announcement(std::get<std::string_view>(opened));
  ASSERT_TRUE(std::holds_alternative<announcement>(said));
  EXPECT_EQ(std::get<announcement>(said).sender, make_member("self:1", 1));
  EXPECT_THAT(std::get<announcement>(said).others, testing::ElementsAre(make_member("peer:1", 2)));

  const auto other = wire::seal_request(ours, join_path, {3, 4}, good);
  EXPECT_TRUE(
      std::holds_alternative<wire::envelope_error>(wire::open_answer(ours, other, reply.body)));
}

TEST_F(PeerListener, AnswersGossip) {
  start();
  const auto sealed = seal(gossip_path, replication::encode_message({2}, {9}, 5, {}));

  const auto reply = ask(port_, "POST", gossip_path, sealed);

  ASSERT_EQ(reply.status, 200) << reply.body;
  const auto opened = wire::open_answer(ours, sealed, reply.body);
  ASSERT_TRUE(std::holds_alternative<std::string_view>(opened));
  const auto a = actors::decode_answer(std::string{std::get<std::string_view>(opened)});
  EXPECT_EQ(a, (replication::answer{{1}, {2}, 5, replication::verdict::other_session}));
}

TEST_F(PeerListener, RefusesEveryMethodButPost) {
  start();
  const auto sealed = seal(join_path, good);
  for (const auto* method : {"GET", "PUT", "DELETE", "PATCH", "OPTIONS"})
    EXPECT_EQ(ask(port_, method, join_path, sealed).status, 405) << method;
}

TEST_F(PeerListener, KnowsTwoPathsOnly) {
  start();
  for (const std::string path : {"/", "/cluster", "/cluster/", "/cluster/join/", "/cluster/join?x",
                                 "/cluster/%6Aoin", "/counters/a"})
    expect_refusal(path, seal(path, good), 404);
}

TEST_F(PeerListener, RefusesWhatIsNoEnvelope) {
  start();
  const auto sealed = seal(join_path, good);
  expect_refusal(join_path, "", 400);
  expect_refusal(join_path, "garbage", 400);
  expect_refusal(join_path, std::string(1000, 'x'), 400);
  expect_refusal(join_path, sealed.substr(0, wire::envelope_size - 1), 400);
  expect_refusal(join_path, '\x7f' + sealed.substr(1), 400);
}

TEST_F(PeerListener, RefusesForeignClusters) {
  start();
  expect_refusal(join_path, seal(join_path, good, {"other", "key"}), 403);
  expect_refusal(join_path, seal(join_path, good, {"starling", "other"}), 403);
  expect_refusal(join_path, seal(join_path, good, {"starling", ""}), 403);
}

TEST_F(PeerListener, RefusesWhatWasAlteredOnTheWay) {
  start();
  const auto sealed = seal(join_path, good);
  for (std::size_t i = 1; i < sealed.size(); ++i) { // the first byte is the version
    auto altered = sealed;
    altered[i] = static_cast<char>(altered[i] ^ (1 << (i % 8)));
    expect_refusal(join_path, altered, 403);
  }
  expect_refusal(join_path, sealed.substr(0, sealed.size() - 1), 403);
  expect_refusal(join_path, sealed + "x", 403);
}

TEST_F(PeerListener, RefusesWhatWasSealedForAnotherPath) {
  start();
  expect_refusal(gossip_path, seal(join_path, good), 403);
  expect_refusal(join_path, seal(gossip_path, good), 403);
}

TEST_F(PeerListener, RefusesContentThatIsNoMessage) {
  start();
  for (const auto* content : {"", "garbage"}) {
    expect_refusal(join_path, seal(join_path, content), 400);
    expect_refusal(gossip_path, seal(gossip_path, content), 400);
  }
  expect_refusal(gossip_path, seal(gossip_path, good), 400);
}

TEST_F(PeerListener, GivesUpOnAnActorThatDoesNotAnswerInTime) {
  mute_gossip();
  start(100ms);
  const auto begin = clock::now();

  expect_refusal(gossip_path, seal(gossip_path, "any"), 503);

  EXPECT_GE(clock::now() - begin, 100ms);
  EXPECT_LT(clock::now() - begin, patience);
  EXPECT_EQ(ask(port_, "POST", join_path, seal(join_path, good)).status, 200);
}

TEST_F(PeerListener, SaysAtOnceThatAnActorIsGone) {
  start();
  caf::anon_send_exit(membership_, caf::exit_reason::kill);
  const auto begin = clock::now();

  expect_refusal(join_path, seal(join_path, good), 503);

  EXPECT_LT(clock::now() - begin, patience);
}

TEST_F(PeerListener, ServesNobodyAfterItStopped) {
  start();
  listener_->stop();
  listener_->stop();

  EXPECT_EQ(ask(port_, "POST", join_path, seal(join_path, good)).status, 0);
}

} // namespace
} // namespace starling::http
