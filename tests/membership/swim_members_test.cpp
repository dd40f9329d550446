// The table, and what follows from its changes: suspicion, verdicts, refutation, conflicts.

#include "tests/membership/group.hpp"
#include "tests/membership/stage.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace starling::membership {

namespace {

/// The events of one id are a word of (joined (updated | suspected | recovered)* (failed | left))*.
void expect_grammar(const std::vector<event>& events) {
  std::set<node_id> known;
  for (const auto& e : events) {
    switch (e.kind) {
    case event_kind::joined:
      EXPECT_TRUE(known.insert(e.who.id).second) << to_string(e.who.id) << " joined twice";
      break;
    case event_kind::updated:
    case event_kind::suspected:
    case event_kind::recovered:
      EXPECT_TRUE(known.contains(e.who.id)) << to_string(e.kind) << " " << to_string(e.who.id);
      break;
    case event_kind::failed:
    case event_kind::left:
      EXPECT_EQ(known.erase(e.who.id), 1u) << to_string(e.kind) << " " << to_string(e.who.id);
      break;
    default:
      break;
    }
  }
}

/// What the core tells others of a member, last.
std::optional<member> last_told(const stage& st, const node_id& id) {
  std::optional<member> result;
  for (const auto& p : st.packets)
    if (const auto* m = p.about(id))
      result = *m;
  return result;
}

std::vector<node_id> accusers(const member& m) {
  return {m.status.accusers.ids().begin(), m.status.accusers.ids().end()};
}

// -- suspicion --

TEST(SwimMembers, WhoOnlyHeardOfASuspicionDoesNotAccuse) {
  stage st{5};
  st.run(5s);
  auto& accused = st.peers[4];
  accused.answers = false;
  accused.nacks = false;
  st.forget_what_was_seen();

  st.gossip(st.peers[0], {accused.claim(member_state::suspect, {st.peers[0].id})});
  st.run(300ms); // whether or not an own probe is under way

  ASSERT_TRUE(last_told(st, accused.id));
  EXPECT_EQ(accusers(*last_told(st, accused.id)), std::vector{st.peers[0].id});
  EXPECT_EQ(st.core.totals().suspicions, 0u);

  st.run(7s); // it has failed

  EXPECT_EQ(accusers(*last_told(st, accused.id)), (std::vector{st.peers[0].id, st.core.self().id}));
}

TEST(SwimMembers, ASuspicionFromATableIsNobodysAccusation) {
  stage st{5};
  st.run(5s);
  st.forget_what_was_seen();

  st.sync(st.peers[0], {st.peers[4].claim(member_state::suspect, {st.peers[1].id})});
  st.sync(st.peers[2], {st.peers[4].claim(member_state::suspect, {st.peers[1].id})});

  EXPECT_EQ(st.core.table().find(st.peers[4].id)->record.status.accusers.size(), 1u);
}

/// How long a suspicion with these accusers lasts, if the core's own probes all succeed.
duration time_to_death(std::size_t peers, std::size_t accusers) {
  settings s;
  s.with.confirmers = false;
  s.with.headers_prove_life = false;
  stage st{peers, s};
  st.run(20s);
  auto claim = st.peers[peers - 1].claim(member_state::suspect);
  for (std::size_t i = 0; i < accusers; ++i)
    claim.status.accusers.insert(st.peers[i].id);
  const auto from = st.now;
  st.gossip(st.peers[0], {claim});
  st.run_until([&] { return st.count(event_kind::failed) > 0; }, 2min);
  return st.now - from;
}

TEST(SwimMembers, ConfirmationsShrinkTheTimer) {
  EXPECT_NEAR(static_cast<double>(time_to_death(6, 1) / 1ms), 24'000, 20);
  EXPECT_NEAR(static_cast<double>(time_to_death(6, 2) / 1ms), 14'000, 20);
  EXPECT_NEAR(static_cast<double>(time_to_death(6, 3) / 1ms), 8'150, 20);
  EXPECT_NEAR(static_cast<double>(time_to_death(6, 4) / 1ms), 4'000, 20);
  EXPECT_NEAR(static_cast<double>(time_to_death(6, 5) / 1ms), 4'000, 20);
}

TEST(SwimMembers, AConfirmationThatComesLaterCountsFromTheBeginning) {
  settings s;
  s.with.confirmers = false;
  stage st{6, s};
  st.run(20s);
  const auto from = st.now;
  st.gossip(st.peers[0], {st.peers[5].claim(member_state::suspect, {st.peers[0].id})});
  st.run(6s);

  st.gossip(st.peers[0], {st.peers[5].claim(member_state::suspect,
                                            {st.peers[1].id, st.peers[2].id, st.peers[3].id})});
  st.run(1ms);

  EXPECT_EQ(st.state(st.peers[5].id), member_state::dead) << "more than 4 s have passed";
  EXPECT_LE(st.now - from, 6s + 1ms);
}

TEST(SwimMembers, TheFirstConfirmationsArePassedOnAndLaterOnesNot) {
  settings s;
  s.with.confirmers = false;
  stage st{9, s};
  st.run(20s);
  auto& accused = st.peers[8];
  for (std::size_t accuser = 0; accuser < 6; ++accuser) {
    st.run(1500ms);
    if (st.state(accused.id) != member_state::suspect && accuser > 0)
      break;
    st.forget_what_was_seen();
    st.gossip(st.peers[0], {accused.claim(member_state::suspect, {st.peers[accuser].id})});
    st.run(100ms);
    EXPECT_EQ(last_told(st, accused.id).has_value(), accuser < 4) << accuser;
    if (accuser == 3)
      break; // the shortest time is over
  }
}

TEST(SwimMembers, WhoDoubtsItselfSuspectsWithoutAccusing) {
  settings s;
  s.with.pings_over_http = false;
  s.with.confirmers = false;
  stage st{6, s};
  for (auto& p : st.peers)
    p.nacks = false; // so that the first failure costs three
  st.peers[0].answers = false;

  st.run_until([&] { return st.state(st.peers[0].id) == member_state::suspect; }, 30s);

  EXPECT_EQ(st.core.totals().suspicions, 1u);
  EXPECT_EQ(st.core.table().find(st.peers[0].id)->record.status.accusers.size(), 0u);
}

TEST(SwimMembers, WhoIsHealthyAccuses) {
  settings s;
  s.with.confirmers = false;
  stage st{6, s};
  st.peers[0].answers = false;

  st.run_until([&] { return st.state(st.peers[0].id) == member_state::suspect; }, 30s);

  EXPECT_EQ(accusers(st.core.table().find(st.peers[0].id)->record), std::vector{st.core.self().id});
}

TEST(SwimMembers, TheSuspectIsToldWithEveryPacketToIt) {
  stage st{5};
  st.run(20s); // nothing else is to be told
  auto& accused = st.peers[4];
  st.gossip(st.peers[0], {accused.claim(member_state::suspect, {st.peers[0].id})});
  st.run(3s);
  st.forget_what_was_seen();

  st.say(accused, packet_kind::ping, {.number = 1, .target = st.core.self().id});
  st.say(st.peers[1], packet_kind::ping_req,
         {.number = 2, .target = accused.id, .target_address = accused.where, .budget = 700ms});
  st.run(7s); // its turn comes in the round

  const auto acks = st.sent(packet_kind::ack, accused.where);
  ASSERT_FALSE(acks.empty());
  for (const auto& p : acks)
    EXPECT_TRUE(p.about(accused.id));
  const auto pings = st.sent(packet_kind::ping, accused.where);
  EXPECT_GE(pings.size(), 2u);
  for (const auto& p : pings) {
    ASSERT_TRUE(p.about(accused.id));
    EXPECT_EQ(p.about(accused.id)->status.is, member_state::suspect);
  }
}

TEST(SwimMembers, WitnessesConfirmASuspicionWithinOneProbe) {
  const auto time_until_confirmed = [](bool confirmers) {
    group g;
    g.with.with.confirmers = confirmers;
    g.add(16);
    g.run(20s);
    g.crash(9);
    const auto is = [&](std::size_t accusers) {
      for (std::size_t i = 0; i < 16; ++i) {
        const auto* e = g.nodes[i].core->table().find(group::id_of(9));
        if (i != 9 && e->record.status.accusers.size() >= accusers)
          return true;
      }
      return false;
    };
    g.run_until([&] { return is(1); }, 20s);
    const auto first = g.now;
    g.run_until([&] { return is(4); }, 20s);
    return g.now - first;
  };

  EXPECT_LE(time_until_confirmed(true), 1600ms);
}

// -- life --

TEST(SwimMembers, AnyPacketAtAHigherIncarnationProvesLife) {
  for (const auto is : {member_state::suspect, member_state::dead}) {
    stage st{4};
    st.run(5s);
    st.gossip(st.peers[0], {st.peers[3].claim(is)});
    ASSERT_EQ(st.state(st.peers[3].id), is);

    st.gossip(st.peers[3], {});
    EXPECT_EQ(st.state(st.peers[3].id), is) << "at the same incarnation it proves nothing";
    ++st.peers[3].at.refutations;
    st.gossip(st.peers[3], {});

    EXPECT_EQ(st.state(st.peers[3].id), member_state::alive);
    EXPECT_EQ(st.core.totals().false_alarms, is == member_state::dead ? 1u : 0u);
    expect_grammar(st.events);
  }
}

TEST(SwimMembers, ARefutationEndsASuspicion) {
  stage st{4};
  st.run(5s);
  st.gossip(st.peers[0], {st.peers[3].claim(member_state::suspect, {st.peers[0].id})});
  EXPECT_EQ(st.count(event_kind::suspected), 1u);

  auto refuted = st.peers[3].claim(member_state::alive);
  ++refuted.status.at.refutations;
  st.gossip(st.peers[1], {refuted});

  EXPECT_EQ(st.count(event_kind::recovered), 1u);
  st.run(1min);
  EXPECT_EQ(st.count(event_kind::failed), 0u);
}

TEST(SwimMembers, LeftBeatsDeadInAnyOrder) {
  for (const bool dead_first : {true, false}) {
    stage st{3};
    const auto dead = st.peers[2].claim(member_state::dead);
    const auto left = st.peers[2].claim(member_state::left);
    st.gossip(st.peers[0], {dead_first ? dead : left});
    st.gossip(st.peers[0], {dead_first ? left : dead});

    EXPECT_EQ(st.state(st.peers[2].id), member_state::left);
    EXPECT_EQ(st.count(event_kind::failed) + st.count(event_kind::left), 1u);
    expect_grammar(st.events);
  }
}

TEST(SwimMembers, ALaterGenerationComesBackFromDeadAndLeft) {
  for (const auto is : {member_state::dead, member_state::left}) {
    stage st{3};
    st.gossip(st.peers[0], {st.peers[2].claim(is)});
    auto& back = st.peers[2];
    back.at = {back.at.generation + 1, 0};
    back.session = {4711};

    st.gossip(st.peers[0], {back.record()});

    EXPECT_EQ(st.state(back.id), member_state::alive);
    EXPECT_EQ(st.core.peers().size(), 3u);
    EXPECT_EQ(st.core.totals().false_alarms, 0u) << "its former life is over";
    expect_grammar(st.events);
  }
}

// -- ourselves --

TEST(SwimMembers, AnAccusationIsRefutedInTheNextPackets) {
  for (const auto is : {member_state::suspect, member_state::dead, member_state::left}) {
    stage st{4};
    st.run(20s);
    st.forget_what_was_seen();
    const auto own = st.core.self();
    const auto accused_at = st.now;

    st.gossip(st.peers[0], {{own.id, {own.status.at, is, {}}, std::nullopt}});
    st.run(0ms);

    EXPECT_EQ(st.core.self().status.is, member_state::alive);
    EXPECT_GT(st.core.self().status.at, own.status.at);
    EXPECT_EQ(st.count(event_kind::refuted), 1u);
    EXPECT_EQ(st.core.health(), 1u) << "there may be something to it";
    ASSERT_FALSE(st.packets.empty());
    for (const auto& p : st.packets) {
      EXPECT_EQ(p.when, accused_at);
      EXPECT_EQ(p.header.at, st.core.self().status.at);
      EXPECT_TRUE(p.about(own.id));
    }
  }
}

TEST(SwimMembers, AnAccusationOfAnEarlierLifeIsIgnored) {
  stage st{2};
  const auto own = st.core.self();
  st.gossip(st.peers[0],
            {{own.id, {{own.status.at.generation - 1, 9}, member_state::dead, {}}, std::nullopt}});
  EXPECT_EQ(st.count(event_kind::refuted), 0u);
  EXPECT_EQ(st.core.self(), own);
}

TEST(SwimMembers, AnAccusationOfALaterLifeIsOvertaken) {
  // The clock was set back before we started.
  stage st{2};
  const incarnation later{stage::wall_clock + 1000, 5};
  st.gossip(st.peers[0], {{st.core.self().id, {later, member_state::dead, {}}, std::nullopt}});
  EXPECT_GT(st.core.self().status.at, later);
}

TEST(SwimMembers, AnAccusationFromFarAheadIsIgnored) {
  // Refuting it would put us where everybody else ignores us.
  stage st{2};
  const auto own = st.core.self();
  for (const auto generation : {stage::wall_clock + stage::day + 60'000, generation_max})
    st.gossip(st.peers[0],
              {{own.id, {{generation, refutations_max}, member_state::dead, {}}, std::nullopt}});
  EXPECT_EQ(st.core.self(), own);
}

TEST(SwimMembers, WhoIsHeldDeadIsToldSoAtMostAsOftenAsConfigured) {
  for (const auto interval : {1s, 5s}) {
    settings s;
    s.notice_interval = interval;
    stage st{4, s};
    st.run(5s);
    st.gossip(st.peers[0], {st.peers[3].claim(member_state::dead)});
    st.run(20s); // all has been told
    st.forget_what_was_seen();

    st.gossip(st.peers[3], {});
    const auto told = st.sent(packet_kind::gossip, st.peers[3].where);
    ASSERT_EQ(told.size(), 1u) << "at once";
    ASSERT_TRUE(told[0].about(st.peers[3].id));
    EXPECT_EQ(told[0].about(st.peers[3].id)->status.is, member_state::dead);

    for (int i = 0; i < 1000; ++i) {
      st.run(10ms);
      st.gossip(st.peers[3], {});
    }
    EXPECT_NEAR(static_cast<double>(st.sent(packet_kind::gossip, st.peers[3].where).size()),
                1 + 10s / interval, 1);
  }
}

TEST(SwimMembers, TwoWhoHoldEachOtherDeadAgreeWithinTwoRoundTrips) {
  group g;
  g.add(2);
  g.run(5s);
  g.lost = [](auto, auto) { return true; };
  g.run(1min);
  ASSERT_EQ(g.state(0, 1), member_state::dead);
  ASSERT_EQ(g.state(1, 0), member_state::dead);
  g.lost = [](auto, auto) { return false; };
  bool packet = false;
  g.spy = [&](auto, auto) { packet = true; };
  g.run_until([&] { return packet; }, 30s);

  EXPECT_TRUE(g.run_until([&] { return g.is_whole(); }, 20ms));
}

TEST(SwimMembers, ARefutedVerdictIsForgottenEverywhere) {
  group g;
  g.add(8);
  g.run(10s);
  g.lost = [](std::size_t from, std::size_t to) { return from == 5 || to == 5; };
  g.run(1min);
  for (std::size_t i = 0; i < 8; ++i)
    ASSERT_EQ(g.state(i, 5) == member_state::dead, i != 5);
  g.lost = [](auto, auto) { return false; };

  EXPECT_TRUE(g.run_until([&] { return g.is_whole(); }, 15s));
  for (const auto& n : g.nodes)
    expect_grammar(n.events);
}

TEST(SwimMembers, WhoWasForgottenAsDeadAndIsHeldAliveByOthersIsTold) {
  settings s;
  s.dead_retention = 5s;
  stage st{2, s};
  auto& other = st.peers[1];
  st.gossip(st.peers[0], {other.claim(member_state::dead)});
  other.answers = false;
  st.run(30s);
  ASSERT_EQ(st.core.table().find(other.id), nullptr);
  st.forget_what_was_seen();

  for (int i = 0; i < 3; ++i)
    st.sync(st.peers[0], {other.record()});

  const auto told = st.sent(packet_kind::gossip, other.where);
  ASSERT_EQ(told.size(), 1u) << "once a second";
  ASSERT_TRUE(told[0].about(other.id));
  EXPECT_EQ(told[0].about(other.id)->status.is, member_state::dead);
  EXPECT_EQ(st.core.table().find(other.id), nullptr) << "it has to say so itself";

  other.at = other.at.next();
  st.sync(st.peers[0], {other.record()});
  EXPECT_EQ(st.state(other.id), member_state::alive);
}

TEST(SwimMembers, WhoWasForgottenAsDeadAndIsHeldDeadByOthersIsLeftAlone) {
  settings s;
  s.dead_retention = 5s;
  stage st{2, s};
  auto& other = st.peers[1];
  st.gossip(st.peers[0], {other.claim(member_state::dead)});
  other.answers = false;
  st.run(30s);
  st.forget_what_was_seen();

  st.sync(st.peers[0], {other.record(member_state::dead)});

  EXPECT_TRUE(st.sent(packet_kind::gossip, other.where).empty());
}

// -- bounds --

TEST(SwimMembers, GenerationsFarAheadAreRefused) {
  for (const std::uint64_t hours : {24, 2}) {
    settings s;
    s.clock_tolerance = hours * 1h;
    stage st{1, s};
    auto& p = st.peers[0];
    auto later = p;
    later.id = stage::id_of(30);
    later.where = stage::udp_of(30);
    later.at = {stage::wall_clock + hours * 3'600'000 + 60'000, 0};

    st.gossip(p, {later.record()});
    EXPECT_EQ(st.core.table().find(later.id), nullptr);
    EXPECT_EQ(st.core.totals().dropped_ahead, 1u);

    later.at.generation -= 120'000;
    st.gossip(p, {later.record()});
    EXPECT_NE(st.core.table().find(later.id), nullptr);
  }
}

TEST(SwimMembers, ANodeWhoseClockIsFarAheadIsNoMemberAndThatIsSaidOnceAMinute) {
  stage st{2};
  auto& p = st.peers[0];
  auto later = p;
  later.session = {7};
  later.at = {stage::wall_clock + 2 * stage::day, 0};
  const auto received = st.core.totals().packets_received;

  const auto count = [&] {
    return std::ranges::count(st.events, event_kind::refusing, &event::kind);
  };
  for (int i = 0; i < 5; ++i)
    st.gossip(later, {later.record()});

  EXPECT_EQ(st.core.totals().packets_received, received + 5);
  EXPECT_EQ(st.core.totals().dropped_ahead, 5u) << "the packet itself is not read";
  EXPECT_EQ(count(), 1);
  EXPECT_TRUE(st.core.out().calls.empty());
}

TEST(SwimMembers, AClockThatIsSetBringsInWhomItKeptOut) {
  stage st{1};
  auto& p = st.peers[0];
  auto later = p;
  later.id = stage::id_of(30);
  later.where = stage::udp_of(30);
  later.session = {7};
  later.at = {stage::wall_clock + 2 * stage::day, 0};
  st.gossip(p, {later.record()});
  ASSERT_EQ(st.core.table().find(later.id), nullptr);

  st.core.set_wall_clock(st.now, stage::wall_clock + 2 * stage::day);
  st.gossip(p, {later.record()});

  EXPECT_NE(st.core.table().find(later.id), nullptr);
}

TEST(SwimMembers, WhatIsFarAheadNowIsNotSoLater) {
  stage st{1};
  auto& p = st.peers[0];
  auto later = p;
  later.id = stage::id_of(30);
  later.where = stage::udp_of(30);
  later.at = {stage::wall_clock + stage::day + 60'000, 0};

  st.run(2min);
  st.gossip(p, {later.record()});

  EXPECT_NE(st.core.table().find(later.id), nullptr);
}

TEST(SwimMembers, MembersAreBounded) {
  settings s;
  s.max_members = 4;
  s.max_dead = 3;
  stage st{3, s};
  EXPECT_EQ(st.core.live_members(), 4u);

  for (int i = 0; i < 50; ++i) {
    auto& p = st.add();
    st.gossip(st.peers[0], {p.record()});
  }

  EXPECT_EQ(st.core.live_members(), 4u);
  EXPECT_LE(st.core.table().size(), 7u);
  EXPECT_EQ(st.core.totals().dropped_full, 100u);
  st.gossip(st.peers[0], {st.peers[1].claim(member_state::dead)});
  st.sync(st.peers[10], {st.peers[10].record()});
  EXPECT_EQ(st.state(st.peers[10].id), member_state::alive) << "there is room again";
}

TEST(SwimMembers, SoAreThoseWhoAreOnlyHeardOf) {
  settings s;
  s.max_members = 4;
  s.max_dead = 3;
  stage st{1, s};
  for (std::uint64_t i = 0; i < 100; ++i) {
    auto p = st.peers[0];
    p.id = node_id::from(1000 + i, 0);
    st.gossip(st.peers[0], {p.claim(i % 2 == 0 ? member_state::dead : member_state::alive)});
  }
  EXPECT_LE(st.core.table().size(), 7u);
}

TEST(SwimMembers, TheForgottenAreBoundedInTimeAndNumber) {
  settings s;
  s.dead_retention = 1s;
  s.forgotten_retention = 5min;
  s.max_forgotten = 3;
  stage st{6, s};
  for (std::size_t i = 0; i < 5; ++i)
    st.gossip(st.peers[5], {st.peers[i].claim(member_state::dead)});
  st.run(2min);
  EXPECT_EQ(st.core.table().size(), 2u);
  EXPECT_EQ(st.core.table().forgotten(), 3u);

  st.run(6min);

  EXPECT_EQ(st.core.table().forgotten(), 0u);
}

TEST(SwimMembers, TheDeadAreBoundedAndTheOldestGo) {
  settings s;
  s.max_dead = 3;
  stage st{6, s};
  for (std::size_t i = 0; i < 5; ++i) {
    st.run(1s);
    st.gossip(st.peers[5], {st.peers[i].claim(member_state::dead)});
  }
  st.run(2min);

  EXPECT_EQ(st.core.table().find(st.peers[0].id), nullptr);
  EXPECT_EQ(st.core.table().find(st.peers[1].id), nullptr);
  EXPECT_EQ(st.core.table().size(), 1u + 1u + 3u);
}

TEST(SwimMembers, TheDeadAreKeptForTheirTimeAndNeverComeBackFromAStalePacket) {
  settings s;
  s.dead_retention = 10min;
  stage st{3, s};
  const auto stale = st.peers[2].record();
  st.peers[2].answers = false;
  st.gossip(st.peers[0], {st.peers[2].claim(member_state::dead)});
  st.run(9min);
  ASSERT_NE(st.core.table().find(st.peers[2].id), nullptr);
  st.run(2min);
  ASSERT_EQ(st.core.table().find(st.peers[2].id), nullptr);

  st.gossip(st.peers[0], {stale});
  st.sync(st.peers[0], {stale});
  st.gossip(st.peers[2], {stale});
  EXPECT_EQ(st.core.table().find(st.peers[2].id), nullptr);

  ++st.peers[2].at.refutations;
  st.sync(st.peers[2], {st.peers[2].record()});
  EXPECT_EQ(st.state(st.peers[2].id), member_state::alive);
}

TEST(SwimMembers, OfWhomIsForgottenNothingMoreIsTold) {
  settings s;
  s.gossip_interval = 2s;
  s.dead_retention = 1s;
  stage st{4, s};
  st.run(1min);
  st.gossip(st.peers[0], {st.peers[3].claim(member_state::left)});
  st.run(5s); // forgotten before it was told often enough
  ASSERT_EQ(st.core.table().find(st.peers[3].id), nullptr);
  st.forget_what_was_seen();

  st.run(1min);

  EXPECT_TRUE(st.sent(packet_kind::gossip).empty());
  EXPECT_TRUE(st.packets.back().header.settled);
}

TEST(SwimMembers, NobodyWhoWasOnlyHeardOfIsAMember) {
  stage st{1};
  st.forget_what_was_seen();
  auto p = st.peers[0];
  p.id = stage::id_of(30);

  st.gossip(st.peers[0], {p.claim(member_state::alive)});

  EXPECT_EQ(st.core.live_members(), 2u);
  EXPECT_EQ(st.count(event_kind::joined), 0u);
  EXPECT_EQ(st.core.peers().size(), 1u);
  p.where = stage::udp_of(30);
  st.gossip(st.peers[0], {p.record()});
  EXPECT_EQ(st.count(event_kind::joined), 1u);
}

// -- conflicts --

TEST(SwimMembers, OfTwoWithOneIdTheOlderTakesANewOne) {
  group g;
  g.add(4);
  g.run(10s);
  // A copy of node 2's disk starts at another place.
  auto copy = g.identity_of(4);
  copy.id = group::id_of(2);
  g.nodes.emplace_back();
  g.boot(4, copy);

  EXPECT_TRUE(g.run_until([&] { return g.is_whole(); }, 40s));
  EXPECT_EQ(g.nodes[4].core->self().id, group::id_of(2));
  EXPECT_NE(g.nodes[2].core->self().id, group::id_of(2));
  EXPECT_EQ(g.count(2, event_kind::id_conflict), 1u);
  for (const std::size_t i : {0, 1, 3}) {
    EXPECT_EQ(g.nodes[i].core->peers().size(), 4u);
    EXPECT_EQ(g.count(i, event_kind::failed), 0u);
    expect_grammar(g.nodes[i].events);
  }
}

TEST(SwimMembers, ALifeThatIsNotRememberedIsTold) {
  for (const bool is_set_back : {false, true}) {
    group g;
    g.add(3);
    g.run(10s);
    const auto lived = g.nodes[2].core->self().status.at.generation;
    g.crash(2);
    g.run(1s);
    // Its disk knows its last life, or only one before that.
    auto again = g.identity_of(2);
    again.last_generation = is_set_back ? lived - 1 : lived;
    g.boot(2, again);
    g.run(20s);

    EXPECT_EQ(g.count(2, event_kind::life_forgotten), is_set_back ? 1u : 0u);
    EXPECT_EQ(g.count(2, event_kind::id_conflict), 0u);
  }
}

TEST(SwimMembers, CopiesOfUsAreBoundedToo) {
  settings s;
  s.max_members = 4;
  stage st{3, s};
  for (std::uint64_t i = 1; i <= 50; ++i) {
    auto copy = st.peers[0];
    copy.id = st.core.self().id;
    copy.at.generation += i;
    copy.session = {5000 + i};
    copy.where = stage::udp_of(50 + i);
    st.gossip(st.peers[0], {copy.record()});
  }
  EXPECT_EQ(st.core.live_members(), 4u);
  EXPECT_LE(st.core.table().size(), s.max_members + s.max_dead);
}

TEST(SwimMembers, OfTwoOfOneMomentTheSessionDecides) {
  stage st{1};
  auto copy = st.peers[0];
  copy.id = st.core.self().id;
  copy.session = {0}; // lower than ours
  st.sync(st.peers[0], {copy.record()});
  EXPECT_EQ(st.core.self().id, copy.id);

  copy.session = {2}; // higher
  st.sync(st.peers[0], {copy.record()});
  EXPECT_NE(st.core.self().id, copy.id);
  EXPECT_EQ(st.count(event_kind::id_conflict), 1u);
}

TEST(SwimMembers, WhoSharesItsAddressContradictsEverMoreSlowly) {
  stage st{3};
  auto rival = st.peers[2];
  rival.id = stage::id_of(30);
  rival.where = st.where;
  rival.at.generation += 1; // it started later, and lives
  rival.address = "rival:9080";
  st.sync(rival, {rival.record()});
  EXPECT_EQ(st.count(event_kind::address_conflict), 1u);
  for (duration passed{0}; passed < 2min; passed += 100ms) {
    const auto own = st.core.self();
    st.gossip(st.peers[0], {{own.id, {own.status.at, member_state::suspect, {}}, std::nullopt}});
    // And the rival defends itself.
    if (st.core.table().find(rival.id)->record.status.is != member_state::alive) {
      rival.at = st.core.table().find(rival.id)->record.status.at.next();
      st.gossip(st.peers[1], {rival.record()});
    }
    st.run(100ms);
  }

  // After 0, 1, 3, 7, 15, 31, 63 seconds.
  EXPECT_GE(st.core.totals().refutations, 4u);
  EXPECT_LE(st.core.totals().refutations, 10u);
  EXPECT_EQ(st.count(event_kind::address_conflict), 1u) << "said once";

  // Alone at its address again, it contradicts at once.
  st.run(2min);
  st.gossip(st.peers[0], {rival.claim(member_state::dead)});
  for (int i = 0; i < 3; ++i) {
    const auto own = st.core.self().status.at;
    st.gossip(st.peers[0], {{st.core.self().id, {own, member_state::suspect, {}}, std::nullopt}});
    EXPECT_GT(st.core.self().status.at, own);
  }
}

TEST(SwimMembers, AnAddressIsSharedNoLongerOnceTheOtherMoved) {
  stage st{3};
  auto rival = st.peers[2];
  rival.id = stage::id_of(30);
  rival.where = st.where;
  rival.at.generation += 1;
  rival.address = "rival:9080";
  st.sync(rival, {rival.record()});
  const auto accuse = [&] {
    st.gossip(
        st.peers[0],
        {{st.core.self().id, {st.core.self().status.at, member_state::suspect, {}}, std::nullopt}});
  };
  accuse();
  accuse();
  ASSERT_EQ(st.core.totals().refutations, 1u) << "the second one waits";

  rival.where = stage::udp_of(30);
  rival.at = rival.at.next();
  st.gossip(st.peers[1], {rival.record()});
  accuse();
  accuse();

  EXPECT_EQ(st.core.totals().refutations, 3u);
}

TEST(SwimMembers, WhoMovesIsTheSameMember) {
  stage st{3};
  st.run(5s);
  auto& p = st.peers[1];
  p.where = stage::udp_of(20);
  p.at = p.at.next();
  st.gossip(p, {p.record()});

  EXPECT_EQ(st.count(event_kind::updated), 1u);
  EXPECT_EQ(st.core.table().find(p.id)->record.profile->udp, p.where);
  st.forget_what_was_seen();
  st.run(1min);
  EXPECT_FALSE(st.sent(packet_kind::ping, stage::udp_of(20)).empty());
  EXPECT_TRUE(st.sent(packet_kind::ping, stage::udp_of(1)).empty());
  EXPECT_EQ(st.count(event_kind::failed), 0u);
}

TEST(SwimMembers, OurOwnMoveIsTold) {
  stage st{3};
  st.run(5s);
  const auto before = st.core.self();
  st.forget_what_was_seen();

  st.core.start(st.now, stage::udp_of(40));
  st.look();
  st.run(1s);

  EXPECT_EQ(st.core.self().profile->udp, stage::udp_of(40));
  EXPECT_GT(st.core.self().profile->written, before.profile->written);
  bool told = false;
  for (const auto& p : st.packets)
    told |= p.about(before.id) != nullptr && p.about(before.id)->profile &&
            p.about(before.id)->profile->udp == stage::udp_of(40);
  EXPECT_TRUE(told);
}

} // namespace

} // namespace starling::membership
