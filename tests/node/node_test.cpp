#include "actors/awaited.hpp"
#include "node/node.hpp"

#include <caf/actor_registry.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>

namespace starling::node {
namespace {

// The one test of actors with threads and real time: what a node wires together, started and
// stopped as a process does it. Two nodes that talk need listeners; see tests/e2e.
class Node : public ::testing::Test {
protected:
  struct config : caf::actor_system_config {
    config() {
      set("caf.scheduler.policy", "sharing");
      set("caf.scheduler.max-threads", 2);
    }
  };

  Node() : types_are_registered_((actors::register_types(), true)) {
    o.node.name = "alone";
    o.cluster.listen = "127.0.0.1:" + std::to_string(find_free_port());
    o.cluster.advertise = o.cluster.listen;
    o.http.advertise = "127.0.0.1:8080";
    o.keys.shards = 4;
    o.gossip.interval = std::chrono::milliseconds{10};
    o.cluster.peer_timeout = std::chrono::milliseconds{300};
  }

  /// A port for datagrams that nobody had a moment ago.
  std::uint16_t find_free_port() {
    actors::swim_socket any{*sys};
    EXPECT_FALSE(any.open({"127.0.0.1", 0}));
    return any.address().port;
  }

  template <class T, class Handle, class... Ts>
  T ask(const Handle& actor, Ts&&... message) {
    std::optional<T> result;
    caf::scoped_actor self{*sys};
    self->request(actor, std::chrono::seconds{10}, std::forward<Ts>(message)...)
        .receive([&](T& value) { result = std::move(value); },
                 [](const caf::error& why) { ADD_FAILURE() << to_string(why); });
    return result.value_or(T{});
  }

  const bool types_are_registered_;
  config config_;
  std::optional<caf::actor_system> sys{std::in_place, config_};
  starling::config::options o;
};

TEST_F(Node, TakesWritesAndStopsPromptlyWithoutSeeds) {
  const auto begin = std::chrono::steady_clock::now();
  {
    node alone{*sys, o, home{draw_identity()}};
    EXPECT_FALSE(alone.start());
    for (int i = 0; i < 100; ++i) {
      const crdt::key key{crdt::type::counter, "key-" + std::to_string(i)};
      actors::awaited<crdt::view> seen;
      alone.shards().send(actors::apply_atom_v,
                          std::make_shared<actors::write_batch>(
                              std::vector<actors::write_order>{{key, crdt::counter_add{i + 1}}},
                              [tell = seen.receiver()](actors::write_batch& all) {
                                tell(std::get<crdt::view>(all.outcomes().front()));
                              }));
      const auto view = seen.wait();
      EXPECT_EQ(std::get<crdt::counter_view>(view).reading.value, i + 1);
    }

    std::uint64_t keys = 0;
    for (const auto& shard : alone.shards().all())
      keys += ask<std::uint64_t>(shard, actors::report_atom_v);
    EXPECT_EQ(keys, 100u);
    const auto members = ask<actors::membership_report>(alone.membership(), actors::report_atom_v);
    EXPECT_TRUE(members.joined);
    ASSERT_TRUE(members.self.profile);
    EXPECT_EQ(members.self.profile->name, "alone");
    EXPECT_EQ(ask<actors::gossip_report>(alone.gossip(), actors::report_atom_v).log_entries, 0u)
        << "nobody waits for them";

    alone.stop();
    alone.stop(); // idempotent
  }
  sys.reset(); // waits for every actor to end

  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{5});
}

TEST_F(Node, StopsPromptlyWhileItsSeedsAreOutOfReach) {
  o.cluster.seeds = {"127.0.0.1:1"};
  const auto begin = std::chrono::steady_clock::now();
  {
    node alone{*sys, o, home{draw_identity()}};
    EXPECT_FALSE(alone.start());
    EXPECT_EQ(
        ask<actors::membership_report>(alone.membership(), actors::report_atom_v).unreached_seeds,
        o.cluster.seeds);
  }
  sys.reset();

  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{5});
}

TEST_F(Node, LeavesAtOnceWhereNobodyElseIs) {
  node alone{*sys, o, home{draw_identity()}};
  EXPECT_FALSE(alone.start());

  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(alone.leave().others, 0u);

  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{1});
}

TEST_F(Node, SaysWhyItCannotOpenItsPort) {
  actors::swim_socket taken{*sys};
  ASSERT_FALSE(taken.open(*membership::parse_endpoint(o.cluster.listen)));

  node alone{*sys, o, home{draw_identity()}};

  EXPECT_NE(alone.start().value_or("").find("Address already in use"), std::string::npos);
}

TEST_F(Node, LetsTheLargestOfItsMessagesThrough) {
  o.gossip.max_message = 100'000;
  o.gossip.max_value = 5'000;
  o.swim.max_members = 1;
  EXPECT_GT(peer_message_bytes_max(o), 100'000u);

  o.gossip.max_value = 500'000;
  EXPECT_GT(peer_message_bytes_max(o), 500'000u);

  o.swim.max_members = 4096;
  EXPECT_GT(peer_message_bytes_max(o), 4096 * membership::member_bytes_max);
}

} // namespace
} // namespace starling::node
