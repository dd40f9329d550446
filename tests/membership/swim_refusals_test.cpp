// Who is no member for whom, and how both sides come to know.

#include "tests/membership/group.hpp"
#include "tests/membership/stage.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace starling::membership {

namespace {

constexpr std::uint64_t day = stage::day;

/// The identity of a node whose clock is ahead by so many milliseconds when it starts.
identity ahead_of(const group& g, std::size_t i, std::uint64_t by) {
  auto who = g.identity_of(i);
  who.generation += by;
  who.wall_clock += by;
  return who;
}

std::uint64_t wall(const group& g) {
  return 1'700'000'000'000 + static_cast<std::uint64_t>(g.now / 1ms);
}

/// Two members, and a node that started far ahead.
class refused_node : public group {
public:
  refused_node() {
    seeds = {address_of(0), address_of(2)};
    add(2);
    run(5s);
    nodes.emplace_back();
    boot(2, ahead_of(*this, 2, 40 * day));
    run(30s);
  }

  swim& late() { return *nodes[2].core; }
};

TEST(SwimRefusals, ANodeFarAheadIsToldByWhomAndWhy) {
  refused_node g;

  const auto& by = g.late().refused_by().entries();
  const auto seed = by.find(group::address_of(0));
  ASSERT_NE(seed, by.end());
  for (const auto& [address, e] : by) {
    EXPECT_EQ(e.what.reason, refusal_reason::clock);
    EXPECT_EQ(e.what.generation, g.late().self().status.at.generation);
  }
  EXPECT_EQ(seed->second.what.name, "n0");
  EXPECT_EQ(g.count(2, event_kind::refused), by.size()) << "each once";
  EXPECT_TRUE(g.late().is_isolated()) << "although its seed is up";
  EXPECT_EQ(g.nodes[0].core->refusing().entries().count(group::address_of(2)), 1u);
  EXPECT_EQ(g.nodes[0].core->live_members(), 2u);
}

TEST(SwimRefusals, ANodeComesBackByItselfOnceItsClockIsSet) {
  refused_node g;
  const auto before = g.late().self();

  g.late().set_wall_clock(g.now, wall(g));
  g.perform(2);

  EXPECT_TRUE(g.run_until([&] { return g.is_whole_by_count(3); }, 20s));
  EXPECT_NE(g.late().self().id, before.id);
  EXPECT_LE(g.late().self().status.at.generation, wall(g));
  EXPECT_EQ(g.count(2, event_kind::clock_was_ahead), 1u);
  EXPECT_TRUE(g.late().refused_by().is_empty());
  EXPECT_FALSE(g.late().is_isolated());
  EXPECT_EQ(g.nodes[0].core->table().find(before.id), nullptr) << "nobody ever heard of that";
}

TEST(SwimRefusals, AGenerationThatIsAheadOfTheOwnClockIsGivenUpWhenItIsRefused) {
  group g;
  g.seeds = {group::address_of(0)};
  g.add();
  // The clock is right now, and was ahead in the life before; not by more than its own tolerance.
  auto who = g.identity_of(1);
  who.generation += day + 60'000;
  who.last_generation = who.generation - 1;
  g.nodes.emplace_back();
  g.boot(1, who);

  EXPECT_TRUE(g.run_until([&] { return g.is_whole_by_count(2); }, 20s));
  EXPECT_NE(g.nodes[1].core->self().id, who.id);
}

TEST(SwimRefusals, AClockThatIsSetBackALittleChangesNothing) {
  stage st{1};
  const auto id = st.core.self().id;
  st.core.set_wall_clock(st.now, stage::wall_clock - day + 60'000);
  EXPECT_EQ(st.core.self().id, id);
  st.core.set_wall_clock(st.now, stage::wall_clock - day - 60'000);
  EXPECT_NE(st.core.self().id, id);
  const auto second = st.core.self().id;
  st.core.set_wall_clock(st.now, stage::wall_clock);
  EXPECT_EQ(st.core.self().id, second);
}

TEST(SwimRefusals, MembersStayWhenOurClockIsSetBack) {
  stage st{2};
  st.core.set_wall_clock(st.now, stage::wall_clock - 3 * day);
  st.look();
  st.forget_what_was_seen();

  st.run(1min);

  EXPECT_EQ(st.core.live_members(), 3u);
  EXPECT_EQ(st.count(event_kind::suspected), 0u);
  EXPECT_EQ(st.core.totals().dropped_ahead, 0u);
}

TEST(SwimRefusals, AllWhoStartedAheadGoOnWhenTheirClocksAreSet) {
  group g;
  g.nodes.resize(3);
  for (std::size_t i = 0; i < 3; ++i)
    g.boot(i, ahead_of(g, i, 40 * day));
  ASSERT_TRUE(g.run_until([&] { return g.is_whole(); }, 5s));

  for (std::size_t i = 0; i < 3; ++i) {
    g.nodes[i].core->set_wall_clock(g.now, wall(g));
    g.perform(i);
    g.run(5s);
  }

  EXPECT_TRUE(g.run_until([&] { return g.is_whole_by_count(3); }, 60s));
}

TEST(SwimRefusals, AMemberThatComesBackFarAheadIsToldByDatagramToo) {
  stage st{2};
  auto& p = st.peers[0];
  st.run(5s);
  st.forget_what_was_seen();
  auto later = p;
  later.session = {7};
  later.at = {stage::wall_clock + 2 * day, 0};

  for (int i = 0; i < 5; ++i)
    st.gossip(later, {});

  const auto told = st.sent(packet_kind::refused, p.where);
  ASSERT_EQ(told.size(), 1u) << "once a second at most";
  EXPECT_EQ(told[0].body.target, p.id);
  EXPECT_EQ(told[0].body.number, stage::wall_clock + 5000);
}

TEST(SwimRefusals, AStrangerGetsNoMoreBytesThanItSent) {
  stage st{1};
  auto stranger = st.peers[0];
  stranger.id = stage::id_of(30);
  stranger.where = stage::udp_of(30);
  stranger.session = {7};
  stranger.at = {stage::wall_clock + 2 * day, 0};

  const auto small = st.packet_of(stranger, packet_kind::gossip);
  st.receive(stranger.where, small);
  EXPECT_TRUE(st.sent(packet_kind::refused).empty());
  st.run(2s);

  const auto large = st.packet_of(stranger, packet_kind::gossip, {}, {stranger.record()});
  st.receive(stranger.where, large);
  const auto told = st.sent(packet_kind::refused);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_LE(told[0].size, large.size());
}

TEST(SwimRefusals, ANoticeIsForTheNodeThatItNames) {
  stage st{1};
  st.say(st.peers[0], packet_kind::refused,
         {.number = stage::wall_clock - 3 * day, .target = st.peers[0].id});
  EXPECT_TRUE(st.core.refused_by().is_empty());

  st.say(st.peers[0], packet_kind::refused,
         {.number = stage::wall_clock - 3 * day, .target = st.core.self().id});

  ASSERT_EQ(st.core.refused_by().entries().size(), 1u);
  EXPECT_EQ(st.core.refused_by().entries().begin()->first, to_string(st.peers[0].where));
  EXPECT_EQ(st.count(event_kind::refused), 1u);
}

TEST(SwimRefusals, WhoIsOneTooManyIsTold) {
  group g;
  g.with.max_members = 2;
  g.add(3);
  g.run(30s);

  const auto& by = g.nodes[2].core->refused_by().entries();
  ASSERT_EQ(by.size(), 1u);
  EXPECT_EQ(by.begin()->second.what.reason, refusal_reason::full);
  EXPECT_EQ(by.begin()->second.what.members, 2u);
  EXPECT_TRUE(g.nodes[2].core->is_alone());
  EXPECT_EQ(g.count(0, event_kind::refusing), 1u);
  EXPECT_EQ(g.nodes[0].core->refusing().entries().begin()->second.what.name, "n2");
}

TEST(SwimRefusals, WhoIsOfAnotherClusterHearsItFromItsSeeds) {
  stage st{0, {}, {"a:1"}};
  st.failure = {"the key differs", true};
  st.run(1min);

  ASSERT_EQ(st.core.refused_by().entries().size(), 1u);
  EXPECT_EQ(st.core.refused_by().entries().begin()->first, "a:1");
  EXPECT_EQ(describe(st.core.refused_by().entries().begin()->second.what), "the key differs");
  EXPECT_EQ(st.count(event_kind::refused), 1u);
  EXPECT_TRUE(st.core.is_alone());

  st.on_call = [](const call&) { return stage::table(stage::id_of(3), {}); };
  st.run(30s);
  EXPECT_TRUE(st.core.refused_by().is_empty());
}

TEST(SwimRefusals, AreForgottenWhenNobodyRepeatsThem) {
  stage st{1};
  st.say(st.peers[0], packet_kind::refused,
         {.number = stage::wall_clock - 3 * day, .target = st.core.self().id});
  ASSERT_FALSE(st.core.refused_by().is_empty());
  st.run(5min);
  EXPECT_TRUE(st.core.refused_by().is_empty());
}

} // namespace

} // namespace starling::membership
