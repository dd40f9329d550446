#include "membership/swim.hpp"
#include "tests/membership/group.hpp"
#include "tests/membership/stage.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace starling::membership {

namespace {

TEST(Swim, ANodeAloneIsALiveMember) {
  group g;
  g.add();

  g.run(1min);

  EXPECT_EQ(g.nodes[0].core->live_members(), 1u);
  EXPECT_TRUE(g.nodes[0].core->has_joined());
}

TEST(Swim, NodesThatShareASeedFindEachOther) {
  group g;
  g.add(5);

  EXPECT_TRUE(g.run_until([&] { return g.is_whole(); }, 3s));
}

TEST(Swim, JoinsLaterIfNoSeedAnsweredAtFirst) {
  group g;
  g.seeds = {group::address_of(3)};
  g.add(3);
  g.run(2min);
  EXPECT_EQ(g.nodes[0].core->unreached_seeds(), std::vector{group::address_of(3)});
  EXPECT_EQ(g.nodes[0].core->table().size(), 1u) << "a seed is no member";

  g.add();

  EXPECT_TRUE(g.run_until([&] { return g.is_whole(); }, 25s));
}

TEST(Swim, AQuietGroupStaysAsItIs) {
  group g;
  g.add(8);
  g.run(5s);
  const auto events = g.nodes[3].events.size();

  g.run(10min);

  EXPECT_TRUE(g.is_whole());
  EXPECT_EQ(g.nodes[3].events.size(), events);
  EXPECT_EQ(g.nodes[3].core->totals().probes_failed, 0u);
}

TEST(Swim, ACrashedMemberIsDeadEverywhereWithinSeconds) {
  for (const std::size_t size : {2, 3, 5, 12}) {
    group g;
    g.add(size);
    g.run(10s);

    g.crash(1);

    EXPECT_TRUE(g.run_until(
        [&] {
          for (std::size_t i = 0; i < size; ++i)
            if (i != 1 && g.state(i, 1) != member_state::dead)
              return false;
          return true;
        },
        12s))
        << size << " nodes";
    EXPECT_EQ(g.count(0, event_kind::failed), 1u);
  }
}

TEST(Swim, OneThatCannotBeReachedDirectlyIsSavedByItsHelpers) {
  group g;
  g.with.with.pings_over_http = false;
  g.add(5);
  g.run(5s);

  g.lost = [](std::size_t from, std::size_t to) {
    return (from == 0 && to == 1) || (from == 1 && to == 0);
  };
  g.run(2min);

  EXPECT_EQ(g.state(0, 1), member_state::alive);
  EXPECT_EQ(g.count(0, event_kind::suspected), 0u);
}

TEST(Swim, WhoComesBackAtItsAddressWithoutItsIdReplacesItsFormerLifeAtOnce) {
  group g;
  g.add(4);
  g.run(10s);
  g.crash(2);
  auto reborn = g.identity_of(2);
  reborn.id = node_id::from(7, 7);

  g.boot(2, reborn);

  EXPECT_TRUE(g.run_until(
      [&] {
        return g.state(0, 2) == member_state::dead && g.state(1, 2) == member_state::dead &&
               g.is_whole();
      },
      4s));
  for (const auto& peer : g.nodes[0].core->peers())
    EXPECT_EQ(peer.replaced, peer.record->id == group::id_of(2));
}

TEST(Swim, WhoComesBackWithItsIdIsTheSameMember) {
  group g;
  g.add(4);
  g.run(10s);
  g.crash(2);
  g.run(15s);
  ASSERT_EQ(g.state(0, 2), member_state::dead);

  g.boot(2);

  EXPECT_TRUE(g.run_until([&] { return g.is_whole(); }, 3s));
  EXPECT_EQ(g.nodes[0].core->peers().size(), 3u);
}

TEST(Swim, APartitionHealsByItself) {
  for (const auto length : {duration{1min}, duration{6h}}) {
    group g;
    g.add(5);
    g.run(10s);
    g.lost = [](std::size_t from, std::size_t to) { return (from < 2) != (to < 2); };
    g.run(length);
    ASSERT_EQ(g.state(0, 4), member_state::dead);
    ASSERT_EQ(g.state(4, 0), member_state::dead);

    g.lost = [](auto, auto) { return false; };

    EXPECT_TRUE(g.run_until([&] { return g.is_whole(); }, 15s));
  }
}

TEST(Swim, LeavingIsNoFailure) {
  group g;
  g.add(5);
  g.run(10s);

  g.nodes[3].core->leave(g.now);
  g.perform(3);
  g.run(5s);

  for (const std::size_t i : {0, 1, 2, 4}) {
    EXPECT_EQ(g.state(i, 3), member_state::left);
    EXPECT_EQ(g.count(i, event_kind::left), 1u);
    EXPECT_EQ(g.count(i, event_kind::failed), 0u);
  }
  ASSERT_EQ(g.count(3, event_kind::left_cluster), 1u);
  EXPECT_EQ(g.nodes[3].events.back().acknowledged, 4u);

  g.nodes[3].core->rejoin(g.now);
  g.perform(3);
  EXPECT_TRUE(g.run_until([&] { return g.is_whole(); }, 3s));
}

TEST(Swim, WhatBeginsAfterAStallIsNotMovedByIt) {
  group g;
  g.add(5);
  g.run(10s);

  g.pause(1);
  g.run(2s);
  // Somebody dies meanwhile, so the packets that wait bring a suspicion.
  g.crash(3);
  g.run(8min);
  g.resume(1);
  g.run(30s);

  EXPECT_EQ(g.state(1, 3), member_state::dead);
  for (const auto& peer : g.nodes[1].core->peers()) {
    EXPECT_GE(peer.round_trip, duration{0});
    EXPECT_LT(peer.round_trip, duration{1s});
  }
}

TEST(Swim, AStoppedProcessThatGoesOnAccusesNobody) {
  group g;
  g.add(5);
  g.run(10s);

  g.pause(1);
  g.run(3s);
  g.resume(1);
  g.run(1min);

  EXPECT_TRUE(g.is_whole());
  for (std::size_t i = 0; i < 5; ++i)
    EXPECT_EQ(g.count(i, event_kind::failed), 0u);
  EXPECT_EQ(g.nodes[1].core->totals().suspicions, 0u);
}

// -- packets that are not for us --

/// What no packet that is dropped may change.
struct snapshot {
  explicit snapshot(const swim& core)
      : table(core.table().digest()), size(core.table().size()), health(core.health()),
        live(core.live_members()), tick(core.next_tick()) {
    for (const auto& peer : core.peers())
      records.push_back(*peer.record);
  }

  friend bool operator==(const snapshot&, const snapshot&) = default;

  std::uint64_t table;
  std::size_t size;
  unsigned health;
  std::size_t live;
  std::optional<duration> tick;
  std::vector<member> records;
};

/// Gives the core a packet that has to be dropped and counted so.
void expect_dropped(stage& st, const udp_address& from, std::string_view bytes,
                    std::uint64_t counters::*counted) {
  const snapshot before{st.core};
  const auto dropped = st.core.totals().*counted;
  const auto received = st.core.totals().packets_received;
  st.forget_what_was_seen();

  st.receive(from, bytes);

  EXPECT_EQ(st.core.totals().*counted, dropped + 1);
  EXPECT_EQ(st.core.totals().packets_received, received);
  EXPECT_TRUE(st.packets.empty());
  EXPECT_TRUE(st.events.empty());
  EXPECT_TRUE(st.calls.empty());
  EXPECT_TRUE(snapshot{st.core} == before);
}

/// A packet that would do much: its sender accuses everybody.
std::string harmful(stage& st, std::size_t from = 0) {
  return st.packet_of(
      st.peers[from], packet_kind::ping, {.number = 1, .target = st.core.self().id},
      {st.peers[1].claim(member_state::dead),
       {st.core.self().id, {st.core.self().status.at, member_state::dead, {}}, {}}});
}

TEST(Swim, ForgedPacketsAreDropped) {
  stage st{3};
  auto bytes = harmful(st);
  for (const std::size_t at : {std::size_t{10}, bytes.size() / 2, bytes.size() - 1}) {
    auto forged = bytes;
    forged[at] = static_cast<char>(forged[at] ^ 0x40);
    expect_dropped(st, st.peers[0].where, forged, &counters::dropped_not_authentic);
  }
}

TEST(Swim, PacketsOfAnotherClusterAreDropped) {
  stage st{3};
  stage other{3};
  other.secret = wire::secret{"another", "a key of sixteen bytes"};
  expect_dropped(st, st.peers[0].where, harmful(other), &counters::dropped_foreign);
}

TEST(Swim, PacketsOfAnotherVersionAreDropped) {
  stage st{3};
  auto bytes = harmful(st);
  bytes[0] = 2;
  expect_dropped(st, st.peers[0].where, bytes, &counters::dropped_version);
}

TEST(Swim, WhatIsNoPacketIsDropped) {
  stage st{3};
  expect_dropped(st, st.peers[0].where, "", &counters::dropped_malformed);
  expect_dropped(st, st.peers[0].where, harmful(st).substr(0, 25), &counters::dropped_malformed);
  expect_dropped(st, st.peers[0].where, std::string(1401, '\1'), &counters::dropped_malformed);
}

TEST(Swim, ReplayedPacketsAreDropped) {
  stage st{3};
  const auto bytes = harmful(st);
  st.receive(st.peers[0].where, bytes);
  EXPECT_EQ(st.state(st.peers[1].id), member_state::dead);

  expect_dropped(st, st.peers[0].where, bytes, &counters::dropped_replayed);
  expect_dropped(st, stage::udp_of(77), bytes, &counters::dropped_replayed);
}

TEST(Swim, OurOwnPacketsThatComeBackAreDropped) {
  stage st{1};
  st.run(5s);
  auto reflected = st.peers[0];
  reflected.id = st.core.self().id;
  reflected.session = st.core.self().profile->session;
  const auto bytes =
      st.packet_of(reflected, packet_kind::ping, {.number = 1, .target = st.core.self().id});
  expect_dropped(st, st.peers[0].where, bytes, &counters::dropped_own);
  expect_dropped(st, st.where, bytes, &counters::dropped_own);
}

TEST(Swim, StrangersGetNoMoreBytesThanTheySent) {
  stage st{12};
  // Much to tell, an incarnation and a counter that are long.
  for (int i = 0; i < 300; ++i)
    st.gossip(
        st.peers[0],
        {{st.core.self().id, {st.core.self().status.at, member_state::dead, {}}, std::nullopt}});
  for (std::size_t i = 1; i < 12; ++i)
    st.gossip(st.peers[0],
              {st.peers[i].claim(i % 2 == 0 ? member_state::dead : member_state::left)});
  st.run(1s);
  const auto nowhere = stage::udp_of(200);
  const auto expect_small_answers = [&](const std::string& bytes, const char* what) {
    st.forget_what_was_seen();
    st.receive(nowhere, bytes);
    std::size_t answered = 0;
    for (const auto& p : st.packets)
      answered += p.to == nowhere ? p.size : 0;
    EXPECT_LE(answered, bytes.size()) << what;
  };

  // Whether its id is known, dead, or left, its address is not where it lives.
  std::vector<stage::peer> senders{st.peers[0], st.peers[1], st.peers[2]};
  senders.push_back(st.peers[0]);
  senders.back().id = stage::id_of(99);
  std::uint64_t session = 5000;
  for (auto& sender : senders) {
    sender.at = {0, 0}; // the shortest header
    for (const auto kind :
         {packet_kind::ping, packet_kind::ack, packet_kind::ping_req, packet_kind::nack,
          packet_kind::gossip, packet_kind::gone, packet_kind::leave, packet_kind::leave_ack})
      for (const bool leaving : {false, true})
        for (const auto& target : {st.core.self().id, stage::id_of(98)}) {
          sender.session = {++session};
          sender.counter = 0;
          sender.leaving = leaving;
          expect_small_answers(st.packet_of(sender, kind, {.number = 1, .target = target}),
                               leaving ? "leaving" : "alive");
        }
  }
}

TEST(Swim, PacketsBeforeTheStartAreIgnored) {
  stage st{1};
  swim core{settings{}, stage::own_identity(), st.secret, {}, 1, 0us};
  core.receive(0us, st.peers[0].where, st.packet_of(st.peers[0], packet_kind::ping));
  core.tick(1s);
  EXPECT_FALSE(core.is_started());
  EXPECT_EQ(core.out().packets(), 0u);
  EXPECT_EQ(core.next_tick(), std::nullopt);
  EXPECT_TRUE(std::holds_alternative<wire::decode_error>(core.answer(2s, call_kind::ping, "")));
}

TEST(Swim, NoPacketIsLargerThanConfigured) {
  for (const std::size_t limit : {1200u, 1232u, 1400u}) {
    group g;
    g.with.packet_bytes = limit;
    std::size_t largest = 0;
    g.spy = [&](std::size_t, const packet& p) { largest = std::max(largest, p.bytes.size()); };
    g.add(40);
    g.run(10s);
    EXPECT_TRUE(g.is_whole());
    EXPECT_LE(largest, limit);
    EXPECT_GT(largest, limit * 9 / 10) << "there was much to tell";
  }
}

// -- stalls and silence --

TEST(Swim, ATickThatIsLateShiftsWhatWasUnderWay) {
  stage st{5};
  st.run(20s);
  auto& slow = st.peers[0];
  slow.answers = false;
  st.gossip(st.peers[1], {slow.claim(member_state::suspect, {st.peers[1].id, st.peers[2].id})});
  st.run_until([&] { return !st.sent(packet_kind::ping_req).empty(); }, 20s);
  const auto failed = st.core.totals().probes_failed;
  const auto asleep = 60s;

  // Everything was long due, and nothing of it has failed.
  st.now += asleep;
  st.core.tick(st.now);
  st.look();

  EXPECT_EQ(st.core.totals().probes_failed, failed);
  EXPECT_EQ(st.count(event_kind::failed), 0u);
  ASSERT_EQ(st.count(event_kind::stalled), 1u);
  EXPECT_EQ(st.core.totals().stalls, 1u);
  const auto stalled = *std::ranges::find(st.events, event_kind::stalled, &event::kind);
  EXPECT_LE(stalled.how_long, asleep);
  EXPECT_GE(stalled.how_long, asleep - 1s);
  EXPECT_EQ(st.core.health(), settings{}.health_max) << "a minute is reason enough";
  EXPECT_FALSE(st.core.is_isolated()) << "that nothing was heard is our fault";
}

TEST(Swim, TheTimeAsleepIsNoSilence) {
  settings s;
  s.with.pings_over_http = false;
  stage st{3, s};
  st.run(20s);
  for (auto& p : st.peers)
    p.answers = false;
  const auto probes = st.core.totals().probes;
  st.run_until([&] { return st.core.totals().probes > probes; }, 2s);
  st.now += 1min;
  st.core.tick(st.now);
  st.look();

  st.run_until([&] { return st.core.totals().probes_failed == 1; }, 1s);

  EXPECT_EQ(st.core.totals().probes_failed, 1u) << "what was under way goes on";
  EXPECT_FALSE(st.core.is_isolated()) << "it has been awake for no two seconds of silence";
  st.run(10s);
  EXPECT_TRUE(st.core.is_isolated());
}

TEST(Swim, APacketBeforeTheLateTickDoesNotHideTheStall) {
  stage st{3};
  st.run(10s);
  st.now += 3s;
  st.gossip(st.peers[0], {});
  EXPECT_EQ(st.count(event_kind::stalled), 0u);
  EXPECT_LE(*st.core.next_tick(), st.now);

  st.core.tick(st.now);
  st.look();

  EXPECT_EQ(st.count(event_kind::stalled), 1u);
}

TEST(Swim, ATickThatIsALittleLateIsNoStall) {
  stage st{3};
  st.run(10s);
  for (int i = 0; i < 100; ++i) {
    const auto due = *st.core.next_tick() + 250ms;
    st.now = std::max(st.now, due);
    st.core.tick(st.now);
    st.look();
    for (auto& p : st.peers)
      st.gossip(p, {});
  }
  EXPECT_EQ(st.core.totals().stalls, 0u);
}

TEST(Swim, EarlyTicksAreHarmless) {
  stage st{3};
  st.run(10s);
  const auto probes = st.core.totals().probes;
  for (int i = 0; i < 1000; ++i) {
    st.core.tick(st.now);
    st.look();
  }
  EXPECT_LE(st.core.totals().probes, probes + 1);
  EXPECT_EQ(st.core.totals().stalls, 0u);
}

TEST(Swim, SilenceOfEverybodyHoldsVerdicts) {
  settings s;
  s.with.pings_over_http = false;
  stage st{5, s};
  st.run(20s);
  st.gossip(st.peers[0], {st.peers[4].claim(member_state::suspect,
                                            {st.peers[0].id, st.peers[1].id, st.peers[2].id})});
  for (auto& p : st.peers)
    p.answers = false;

  st.run(12s); // the suspicion would have lasted for six
  EXPECT_TRUE(st.core.is_isolated());
  EXPECT_EQ(st.count(event_kind::isolated), 1u);
  EXPECT_EQ(st.count(event_kind::failed), 0u);

  st.gossip(st.peers[1], {});
  EXPECT_FALSE(st.core.is_isolated());
  EXPECT_EQ(st.count(event_kind::connected), 1u);
  st.run(3s);
  EXPECT_EQ(st.count(event_kind::failed), 0u) << "the accused have some time to be heard";
}

TEST(Swim, ThatSilenceIsOursIsSaidWithinTwoIntervals) {
  for (const unsigned intervals : {2, 5}) {
    settings s;
    s.silent_intervals = intervals;
    stage st{3, s};
    st.run(20s);
    for (auto& p : st.peers)
      p.answers = false;
    st.run((intervals - 1) * 1s);
    EXPECT_FALSE(st.core.is_isolated());
    st.run(2100ms);
    EXPECT_TRUE(st.core.is_isolated());
  }
}

TEST(Swim, OneWhoseNetworkStopsForAWhileIsNobodysUndoing) {
  // I/O is blocked, while timers run.
  for (const auto blocked : {3s, 8s, 12s}) {
    group g;
    g.add(6);
    g.run(20s);
    g.lost = [](std::size_t from, std::size_t to) { return from == 2 || to == 2; };
    g.run(blocked);
    g.lost = [](auto, auto) { return false; };
    g.run(1min);

    EXPECT_TRUE(g.is_whole());
    EXPECT_EQ(g.count(2, event_kind::failed), 0u) << blocked.count() << " s";
    for (std::size_t i = 0; i < 6; ++i)
      for (const auto& e : g.nodes[i].events)
        if (e.kind == event_kind::failed) {
          EXPECT_EQ(e.who.id, group::id_of(2)) << "a healthy one";
        }
  }
}

TEST(Swim, AStoppedProcessDoesNotFailTheHealthy) {
  for (const auto stopped : {1s, 3s, 10s, 60s}) {
    group g;
    g.add(6);
    g.run(20s);
    g.pause(2);
    g.run(stopped);
    g.resume(2);
    g.run(1min);

    EXPECT_TRUE(g.is_whole()) << stopped.count() << " s";
    for (std::size_t i = 0; i < 6; ++i)
      for (const auto& e : g.nodes[i].events)
        if (e.kind == event_kind::failed) {
          EXPECT_EQ(e.who.id, group::id_of(2)) << stopped.count() << " s";
        }
  }
}

// -- the same, differently --

/// All that the cores of a short but eventful life put out, in one string.
std::string trace(std::uint64_t seed) {
  group g;
  g.seed = seed;
  std::string result;
  g.spy = [&](std::size_t from, const packet& p) {
    result +=
        std::to_string(g.now.count()) + " " + std::to_string(from) + " " + to_string(p.to) + " ";
    result.append(p.bytes);
  };
  g.add(6);
  g.run(5s);
  g.lost = [](std::size_t from, std::size_t to) { return (from < 3) != (to < 3); };
  g.run(30s);
  g.lost = [](auto, auto) { return false; };
  g.crash(1);
  g.run(30s);
  g.boot(1);
  g.nodes[4].core->leave(g.now);
  g.perform(4);
  g.run(10s);
  for (const auto& n : g.nodes)
    for (const auto& e : n.events)
      result += std::string{to_string(e.kind)} + to_string(e.who.id);
  return result;
}

TEST(Swim, EqualSeedsHaveEqualOutputs) {
  const auto first = trace(42);
  EXPECT_GT(first.size(), 100'000u);
  EXPECT_TRUE(first == trace(42));
  EXPECT_FALSE(first == trace(43));
}

TEST(Swim, HowOftenItTicksDoesNotChangeWhatBecomesOfTheGroup) {
  std::vector<std::vector<member_state>> outcomes;
  for (const auto every : {duration{0}, duration{1ms}, duration{10ms}, duration{100ms}}) {
    group g;
    g.tick_every = every;
    g.add(5);
    g.run(10s);
    g.crash(1);
    g.run(20s);
    g.nodes[3].core->leave(g.now);
    g.perform(3);
    g.run(20s);

    outcomes.emplace_back();
    for (const std::size_t i : {0, 2, 4}) {
      EXPECT_EQ(g.nodes[i].core->table().digest(), g.nodes[0].core->table().digest());
      EXPECT_EQ(g.nodes[i].core->totals().stalls, 0u);
      for (std::size_t k = 0; k < 5; ++k)
        outcomes.back().push_back(*g.state(i, k));
    }
    EXPECT_EQ(outcomes.back(), outcomes.front()) << every.count() << " us";
  }
}

TEST(Swim, TheLoadOfAMemberDoesNotGrowWithTheGroup) {
  const auto packets_of_a_minute = [](std::size_t size) {
    group g;
    g.with.sync_interval = 10h;
    g.add(size);
    g.run(30s);
    const auto before = g.nodes[1].packets;
    g.run(1min);
    return g.nodes[1].packets - before;
  };
  // A ping and an ack each second.
  EXPECT_NEAR(static_cast<double>(packets_of_a_minute(4)), 120, 15);
  EXPECT_NEAR(static_cast<double>(packets_of_a_minute(60)), 120, 15);
}

TEST(Swim, NoRunningNodeHoldsItselfDead) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    group g;
    g.seed = 777 * seed;
    random_source random{seed};
    g.lost = [&](auto, auto) { return random.chance(0.2); };
    g.add(8);
    for (int step = 0; step < 600; ++step) {
      g.run(100ms);
      for (const auto& n : g.nodes)
        ASSERT_EQ(n.core->self().status.is, member_state::alive) << "seed " << seed;
    }
    g.lost = [](auto, auto) { return false; };
    EXPECT_TRUE(g.run_until([&] { return g.is_whole(); }, 15s)) << "seed " << seed;
  }
}

} // namespace

} // namespace starling::membership
