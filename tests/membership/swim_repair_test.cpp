// Gossip, exchanges of tables, seeds, the search for the dead, and leaving.

#include "tests/membership/group.hpp"
#include "tests/membership/stage.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace starling::membership {

namespace {

/// How many tables the core has pushed to an address.
std::size_t syncs_with(const stage& st, const std::string& address) {
  return static_cast<std::size_t>(std::ranges::count_if(
      st.calls, [&](const call& c) { return c.kind == call_kind::sync && c.address == address; }));
}

settings without_regular_syncs() {
  settings s;
  s.sync_interval = 10h;
  return s;
}

/// The core and its peers, with nothing left to tell.
void settle(stage& st) {
  st.run(20s);
  for (auto& p : st.peers) {
    p.settled = true;
    p.digest = st.core.table().digest();
  }
  st.forget_what_was_seen();
}

// -- gossip --

TEST(SwimRepair, NewsGoToAsManyAtATimeAsConfiguredUntilTheyAreToldOftenEnough) {
  settings s;
  s.gossip_fanout = 3;
  stage st{6, s};
  settle(st);
  st.gossip(st.peers[0], {st.peers[5].claim(member_state::left)});
  st.run(10s);

  const auto told = st.sent(packet_kind::gossip);
  EXPECT_EQ(told.size(), sends_of_an_update({}, 6));
  for (std::size_t i = 3; i < told.size(); ++i)
    EXPECT_GE(told[i].when - told[i - 3].when, 200ms);
  for (const auto& p : told) {
    EXPECT_TRUE(p.about(st.peers[5].id));
    EXPECT_NE(p.to, st.peers[5].where) << "it left";
  }
}

TEST(SwimRepair, NewsRideOnPingsToo) {
  auto s = without_regular_syncs();
  s.gossip_interval = 1h; // none, but at first
  stage st{3, s};
  st.run(5s);
  st.forget_what_was_seen();
  st.gossip(st.peers[0], {st.peers[2].claim(member_state::dead)});
  st.run(3s);

  ASSERT_FALSE(st.sent(packet_kind::ping).empty());
  for (const auto& p : st.sent(packet_kind::ping))
    EXPECT_TRUE(p.about(st.peers[2].id));
}

TEST(SwimRepair, WhatIsOldNewsIsNotPassedOn) {
  stage st{3};
  settle(st);
  st.gossip(st.peers[0], {st.peers[1].record(), st.peers[2].claim(member_state::alive)});
  st.run(5s);
  EXPECT_TRUE(st.sent(packet_kind::gossip).empty());
}

TEST(SwimRepair, FewerThanOneInAThousandMissAnUpdateAtTenPercentLoss) {
  std::size_t missed = 0;
  std::size_t told = 0;
  for (const std::size_t size : {3, 7, 20}) {
    group g;
    g.with = without_regular_syncs(); // gossip alone has to do it
    g.with.with.digests = false;
    g.add(size);
    g.run(10s);
    random_source random{size};
    g.lost = [&](auto, auto) { return random.chance(0.1); };
    for (std::size_t update = 0; update < 300; ++update) {
      const auto who = update % size;
      auto& core = *g.nodes[who].core;
      core.start(g.now, group::udp_of(size + update % 2)); // it moves, and back
      core.start(g.now, group::udp_of(who));
      g.perform(who);
      g.run(3s);
      for (std::size_t i = 0; i < size; ++i) {
        if (i == who)
          continue;
        ++told;
        const auto* e = g.nodes[i].core->table().find(group::id_of(who));
        const bool knows =
            e != nullptr && e->record.profile->written == core.self().profile->written;
        missed += knows ? 0 : 1;
      }
    }
  }
  EXPECT_EQ(told, 300u * (2 + 6 + 19));
  EXPECT_LE(missed, told / 1000);
}

// -- digests --

TEST(SwimRepair, SettledMembersWhoseDigestsDifferExchangeTheirTables) {
  stage st{4, without_regular_syncs()};
  settle(st);
  st.peers[1].digest = 4711;

  st.run(20s); // its turn to be probed comes

  EXPECT_GE(syncs_with(st, st.peers[1].address), 1u);
  EXPECT_EQ(syncs_with(st, st.peers[0].address), 0u);
}

TEST(SwimRepair, WhoIsNotSettledIsLeftAlone) {
  stage st{4, without_regular_syncs()};
  settle(st);
  st.peers[1].digest = 4711;
  st.peers[1].settled = false;

  st.run(20s);

  EXPECT_TRUE(st.calls.empty());
}

TEST(SwimRepair, ATableIsSettledAfterAsManyQuietIntervalsAsConfigured) {
  auto s = without_regular_syncs();
  s.settled_intervals = 30;
  stage st{4, s};
  for (auto& p : st.peers) {
    p.settled = true;
    p.digest = 4711;
  }

  st.run(29s);
  EXPECT_TRUE(st.calls.empty());
  st.run(10s);
  EXPECT_FALSE(st.calls.empty());
}

TEST(SwimRepair, AsManyTablesAreExchangedAtATimeAsConfigured) {
  settings s;
  s.max_syncs = 2;
  stage st{4, s};
  st.is_called_in_vain = true;
  for (int i = 0; i < 10; ++i) {
    st.core.call_on(st.now, "p" + std::to_string(i) + ":1");
    st.look();
  }
  EXPECT_EQ(st.calls.size(), 2u);
}

TEST(SwimRepair, WhoHasNewsToTellDoesNotCompareDigestsYet) {
  stage st{4, without_regular_syncs()};
  settle(st);
  const auto changed = st.now;
  st.gossip(st.peers[0], {st.peers[3].claim(member_state::left)});
  for (auto& p : st.peers)
    p.digest = 4711;
  st.run_until([&] { return !st.calls.empty(); }, 20s);

  EXPECT_GT(st.now - changed, 3s) << "three intervals without a change";
}

TEST(SwimRepair, AnExchangeThatBroughtNothingIsNotRepeated) {
  stage st{4, without_regular_syncs()};
  settle(st);
  st.on_call = [&](const call&) { return stage::table(st.peers[1].id, {}); };
  st.peers[1].digest = 4711;
  st.run(1min);
  EXPECT_EQ(syncs_with(st, st.peers[1].address), 1u);

  st.peers[1].digest = 4712;
  st.run(1min);
  EXPECT_EQ(syncs_with(st, st.peers[1].address), 2u) << "but it is for another digest";
}

TEST(SwimRepair, AnExchangeOfWhatWeDoNotTakeIsNotRepeatedEither) {
  auto s = without_regular_syncs();
  s.max_members = 5;
  stage st{4, s};
  settle(st);
  auto sixth = st.peers[0];
  sixth.id = stage::id_of(30);
  sixth.where = stage::udp_of(30);
  st.on_call = [&](const call&) { return stage::table(st.peers[1].id, {sixth.record()}); };
  st.peers[1].digest = 4711;

  st.run(1min);

  EXPECT_EQ(st.core.live_members(), 5u);
  EXPECT_EQ(syncs_with(st, st.peers[1].address), 1u);
}

TEST(SwimRepair, ExchangesThatFailAreRepeatedButNoMoreThanOnceAnInterval) {
  stage st{3, without_regular_syncs()};
  settle(st);
  for (auto& p : st.peers)
    p.digest = 4711;

  for (int i = 0; i < 1000; ++i) {
    st.gossip(st.peers[0], {});
    st.run(10ms);
  }

  EXPECT_GE(st.calls.size(), 4u);
  EXPECT_LE(st.calls.size(), 11u) << "in ten seconds";
}

TEST(SwimRepair, ALostUpdateIsFoundByDigestWithinSeconds) {
  group g;
  g.with.sync_interval = 10h;
  g.add(6);
  g.run(20s);
  // Node 5 hears nothing of what happens to node 4, but pings and acks go through.
  g.packet_lost = [&](std::size_t, std::size_t to) { return to == 5 && g.now < 32s; };
  g.nodes[4].core->start(g.now, group::udp_of(4)); // no change
  g.lost = [](std::size_t from, std::size_t to) { return from == 4 || to == 4; };
  g.run(12s);
  g.lost = [](auto, auto) { return false; };

  EXPECT_TRUE(g.run_until(
      [&] {
        for (std::size_t i = 1; i < 6; ++i)
          if (g.nodes[i].core->table().digest() != g.nodes[0].core->table().digest())
            return false;
        return g.is_whole();
      },
      20s));
}

// -- exchanges of tables --

TEST(SwimRepair, TheAnswerIsWhatTheCallerLacks) {
  stage st{3};
  const auto own = st.core.self();
  auto older = st.peers[1].record();
  older.status.at.generation -= 1;
  older.profile->written = older.status.at;

  const auto answer = st.sync(st.peers[0], {st.peers[0].record(), older});

  const auto told = stage::members_in_answer(std::get<std::string>(answer));
  ASSERT_TRUE(told);
  std::vector<node_id> ids;
  for (const auto& m : *told)
    ids.push_back(m.id);
  EXPECT_EQ(ids, (std::vector{st.peers[1].id, st.peers[2].id, own.id}));
}

TEST(SwimRepair, AnExchangeIsMalformedInManyWaysAndThenChangesNothing) {
  stage st{2};
  const auto before = st.core.table().digest();
  auto other = st.peers[0];
  other.id = stage::id_of(30);
  other.where = stage::udp_of(30);
  const auto good = stage::table(other.id, {other.record(), st.peers[0].claim(member_state::dead)});
  std::vector<std::string> bad{good + '\0', "", std::string(1000, '\xff')};
  for (std::size_t size = 0; size < good.size(); ++size)
    bad.push_back(good.substr(0, size));
  st.core.call_on(st.now, "p0:9080");
  auto token = st.core.out().calls.at(0).token;

  for (const auto& bytes : bad) {
    EXPECT_TRUE(
        std::holds_alternative<wire::decode_error>(st.core.answer(st.now, call_kind::sync, bytes)))
        << bytes.size();
    EXPECT_TRUE(st.core.call_answered(st.now, token, wire::encode_answer(bytes))) << bytes.size();
    st.core.call_on(st.now, "p0:9080");
    token = st.core.out().calls.at(0).token;
  }

  EXPECT_EQ(st.core.table().digest(), before);
  EXPECT_EQ(st.core.table().size(), 3u);
  EXPECT_EQ(st.core.totals().syncs_failed, bad.size());
  EXPECT_FALSE(st.core.call_answered(st.now, token, wire::encode_answer(good)));
  EXPECT_NE(st.core.table().digest(), before);
}

TEST(SwimRepair, AnExchangeIsBounded) {
  stage st{1};
  const auto bare = st.peers[0].claim(member_state::alive);
  EXPECT_TRUE(std::holds_alternative<std::string>(
      st.sync(st.peers[0], std::vector<member>(2 * members_max + 1, bare))));
  EXPECT_EQ(std::get<wire::decode_error>(
                st.sync(st.peers[0], std::vector<member>(2 * members_max + 2, bare)))
                .what,
            "too many members");
}

TEST(SwimRepair, AnAnswerToNoCallIsNothing) {
  stage st{1};
  const auto before = st.core.table().digest();
  EXPECT_FALSE(st.core.call_answered(
      st.now, 4711,
      wire::encode_answer(stage::table(stage::id_of(9), {st.peers[0].claim(member_state::dead)}))));
  st.core.call_failed(st.now, 4711);
  EXPECT_EQ(st.core.table().digest(), before);
}

TEST(SwimRepair, ADeadRecordIsAsOldAsItIsAndNotAsWeKnowIt) {
  settings s;
  s.dead_retention = 10min;
  stage st{2, s};
  auto old = st.peers[0];
  old.id = stage::id_of(30);
  old.where = stage::udp_of(30);

  st.sync(st.peers[0], {old.record(member_state::dead)}, 9 * 60);
  ASSERT_NE(st.core.table().find(old.id), nullptr);
  st.run(2min);

  EXPECT_EQ(st.core.table().find(old.id), nullptr);
}

TEST(SwimRepair, AgesArePassedOn) {
  stage st{2};
  st.gossip(st.peers[0], {st.peers[1].claim(member_state::dead)});
  st.run(90s);
  const auto answer = st.sync(st.peers[0], {});

  const auto content = wire::decode_answer(std::get<std::string>(answer));
  wire::reader in{std::get<std::string_view>(content)};
  decode_list_head(in);
  bool found = false;
  for (const auto& [m, age] : decode_list(in)) {
    if (m.id == st.peers[1].id) {
      EXPECT_EQ(age, 90u);
      found = true;
    }
  }
  EXPECT_TRUE(found);
}

TEST(SwimRepair, TablesAreExchangedNowAndThenWithoutReason) {
  settings s;
  s.with.digests = false;
  stage st{3, s};
  st.forget_what_was_seen();
  st.run(10min);
  EXPECT_NEAR(static_cast<double>(st.calls.size()), 20, 4) << "about every 30 s";
}

TEST(SwimRepair, AnAddressCanBeAskedOnRequest) {
  stage st{1};
  st.forget_what_was_seen();
  st.core.call_on(st.now, "elsewhere:9080");
  st.look();
  ASSERT_EQ(syncs_with(st, "elsewhere:9080"), 1u);
  st.core.call_on(st.now, "elsewhere:9080");
  st.look();
  st.core.call_on(st.now, "no address");
  st.look();
  EXPECT_EQ(st.calls.size(), 1u) << "once at a time";
}

TEST(SwimRepair, FewTablesAreUnderWayAtATime) {
  stage st{1};
  st.forget_what_was_seen();
  for (int i = 0; i < 20; ++i) {
    st.core.call_on(st.now, "n" + std::to_string(i) + ":1");
    st.look();
  }
  EXPECT_EQ(st.calls.size(), 4u);
}

// -- seeds and the dead --

TEST(SwimRepair, TheDeadAreAskedNowAndThen) {
  stage st{1};
  st.peers[0].answers = false;
  st.gossip(st.peers[0], {st.peers[0].claim(member_state::dead)});
  st.forget_what_was_seen();

  st.run(10min);

  EXPECT_NEAR(static_cast<double>(st.sent(packet_kind::ping).size()), 60, 12) << "every 10 s";
}

TEST(SwimRepair, ManyWhoLiveShareTheSearchForOneDead) {
  stage st{9};
  st.peers[0].answers = false;
  st.gossip(st.peers[1], {st.peers[0].claim(member_state::dead)});
  st.forget_what_was_seen();

  st.run(1h);

  EXPECT_NEAR(static_cast<double>(st.sent(packet_kind::ping, st.peers[0].where).size()), 40, 20)
      << "a ninth of 360";
}

TEST(SwimRepair, WhoseAddressHasANewMemberIsNotSearched) {
  stage st{1};
  st.gossip(st.peers[0], {st.peers[0].claim(member_state::dead)});
  auto& heir = st.add();
  heir.where = st.peers[0].where;
  heir.at = heir.at.next();
  st.sync(heir, {heir.record()});
  st.forget_what_was_seen();

  st.run(10min);

  EXPECT_GT(st.sent(packet_kind::ping, heir.where).size(), 500u);
  for (const auto& p : st.sent(packet_kind::ping))
    EXPECT_EQ(p.body.target, heir.id);
}

TEST(SwimRepair, WhoLeftIsNotSearched) {
  stage st{1};
  st.gossip(st.peers[0], {st.peers[0].claim(member_state::left)});
  st.forget_what_was_seen();
  st.run(10min);
  EXPECT_TRUE(st.packets.empty());
}

TEST(SwimRepair, SeedsAreNeverMembers) {
  stage st{0, {}, {"a:1", "b:1"}};
  st.run(10min);
  EXPECT_EQ(st.core.table().size(), 1u);
  EXPECT_TRUE(st.packets.empty());
  EXPECT_GE(syncs_with(st, "a:1"), 40u);
  EXPECT_FALSE(st.core.has_joined());
  EXPECT_EQ(st.core.unreached_seeds(), (std::vector<std::string>{"a:1", "b:1"}));
}

TEST(SwimRepair, OneSeedThatAnswersIsEnough) {
  stage st{0, {}, {"a:1", "b:1"}};
  st.on_call = [&](const call& c) {
    return c.address == "b:1" ? std::optional{stage::table(stage::id_of(3), {})} : std::nullopt;
  };
  st.run(1min);
  EXPECT_TRUE(st.core.has_joined());
  EXPECT_EQ(st.core.unreached_seeds(), std::vector<std::string>{"a:1"});
}

TEST(SwimRepair, AClusterThatForgotAllOfItselfMeetsAgainAtItsSeeds) {
  group g;
  g.with.dead_retention = 1min;
  g.seeds = {group::address_of(0), group::address_of(1)};
  g.add(4);
  g.run(10s);
  g.lost = [](std::size_t from, std::size_t to) { return from != to; };
  g.run(10min);
  for (const auto& n : g.nodes)
    ASSERT_EQ(n.core->table().size(), 1u);

  g.lost = [](auto, auto) { return false; };

  EXPECT_TRUE(g.run_until([&] { return g.is_whole(); }, 1min));
}

// -- leaving --

TEST(SwimRepair, ALeaveIsAcknowledgedByMembersWhoKnowOfIt) {
  stage st{3};
  auto& p = st.peers[0];
  st.forget_what_was_seen();
  p.leaving = true;
  st.say(p, packet_kind::leave, {.number = 7});

  const auto acks = st.sent(packet_kind::leave_ack, p.where);
  ASSERT_EQ(acks.size(), 1u);
  EXPECT_EQ(acks[0].body.number, 7u);
  EXPECT_EQ(st.state(p.id), member_state::left);
  EXPECT_EQ(st.count(event_kind::left), 1u);
  st.say(p, packet_kind::leave, {.number = 7});
  EXPECT_EQ(st.sent(packet_kind::leave_ack, p.where).size(), 2u) << "the first may be lost";
}

TEST(SwimRepair, TheLeaverIsToldToAtMostEightAndWaitsForThem) {
  stage st{12};
  st.run(10s);
  st.forget_what_was_seen();
  st.core.leave(st.now);
  st.look();

  const auto first = st.sent(packet_kind::leave);
  EXPECT_EQ(first.size(), 8u);
  for (const auto& p : first)
    EXPECT_EQ(p.about(st.core.self().id)->status.is, member_state::left);
  const auto number = first[0].body.number;
  for (std::size_t i = 0; i < 7; ++i)
    st.say(*std::ranges::find(st.peers, first[i].to, &stage::peer::where), packet_kind::leave_ack,
           {.number = number});
  EXPECT_EQ(st.count(event_kind::left_cluster), 0u);
  st.run(1s);
  EXPECT_GE(st.sent(packet_kind::leave, first[7].to).size(), 5u) << "repeated";
  EXPECT_EQ(st.sent(packet_kind::leave, first[0].to).size(), 1u) << "it knows";

  st.say(*std::ranges::find(st.peers, first[7].to, &stage::peer::where), packet_kind::leave_ack,
         {.number = number});
  ASSERT_EQ(st.count(event_kind::left_cluster), 1u);
  EXPECT_EQ(st.events.back().acknowledged, 8u);
}

TEST(SwimRepair, TheLeaverTellsAsManyAndAsOftenAsConfigured) {
  settings s;
  s.leave_members = 2;
  s.leave_interval = 500ms;
  stage st{12, s};
  st.run(10s);
  st.forget_what_was_seen();
  st.core.leave(st.now);
  st.look();
  EXPECT_EQ(st.sent(packet_kind::leave).size(), 2u);
  st.run(1900ms);
  EXPECT_EQ(st.sent(packet_kind::leave).size(), 8u);
}

TEST(SwimRepair, ALeaveThatNobodyAcknowledgesEndsInTime) {
  stage st{3};
  st.run(5s);
  const auto from = st.now;
  st.core.leave(st.now);
  st.look();
  EXPECT_TRUE(st.run_until([&] { return st.count(event_kind::left_cluster) == 1; }, 10s));

  EXPECT_NEAR(static_cast<double>((st.now - from) / 1ms), 3000, 20);
  EXPECT_EQ(st.events.back().acknowledged, 0u);
}

TEST(SwimRepair, WhoIsAloneLeavesAtOnce) {
  stage st{0};
  st.core.leave(st.now);
  st.look();
  EXPECT_EQ(st.count(event_kind::left_cluster), 1u);
  EXPECT_EQ(st.core.live_members(), 0u);
}

TEST(SwimRepair, WhoLeftAnswersThatItLeft) {
  stage st{3};
  st.run(5s);
  st.core.leave(st.now);
  st.look();
  st.run(30s);
  st.forget_what_was_seen();

  st.say(st.peers[1], packet_kind::ping, {.number = 5, .target = st.core.self().id});

  const auto acks = st.sent(packet_kind::ack);
  ASSERT_EQ(acks.size(), 1u);
  EXPECT_TRUE(acks[0].header.leaving);
  ASSERT_TRUE(acks[0].about(st.core.self().id));
  EXPECT_EQ(acks[0].about(st.core.self().id)->status.is, member_state::left);
}

TEST(SwimRepair, WhoLeftProbesNobodyAndJudgesNobody) {
  stage st{3};
  st.run(5s);
  for (auto& p : st.peers)
    p.answers = false;
  st.gossip(st.peers[0], {st.peers[1].claim(member_state::suspect, {st.peers[0].id})});
  st.core.leave(st.now);
  st.look();
  st.run(5s);
  st.forget_what_was_seen();

  const auto tick = st.core.next_tick();
  ASSERT_TRUE(tick);
  EXPECT_GT(*tick, st.now) << "or the driver would spin";
  for (duration passed{0}; passed < 5min; passed += 1s) {
    ASSERT_GT(*st.core.next_tick(), st.now);
    st.run(1s);
  }

  EXPECT_TRUE(st.sent(packet_kind::ping).empty());
  EXPECT_TRUE(st.calls.empty());
  EXPECT_EQ(st.count(event_kind::failed), 0u);
}

TEST(SwimRepair, WhoComesBackDoesNotJudgeByWhatItKnewWhenItLeft) {
  stage st{4};
  st.run(5s);
  st.gossip(st.peers[0], {st.peers[1].claim(member_state::suspect, {st.peers[0].id})});
  st.core.leave(st.now);
  st.look();
  st.run(10min); // meanwhile it has refuted that, but who left is told nothing
  st.forget_what_was_seen();

  st.core.rejoin(st.now);
  st.look();
  st.run(3s);

  EXPECT_EQ(st.count(event_kind::failed), 0u);
  EXPECT_NE(st.state(st.peers[1].id), member_state::dead);
}

TEST(SwimRepair, WhoComesBackHasANewGeneration) {
  stage st{3};
  st.run(5s);
  const auto before = st.core.self();
  st.core.leave(st.now);
  st.look();
  st.run(5s);
  EXPECT_TRUE(st.core.is_leaving());

  st.core.rejoin(st.now);
  st.look();

  EXPECT_FALSE(st.core.is_leaving());
  EXPECT_EQ(st.core.self().id, before.id);
  EXPECT_EQ(st.core.self().status.is, member_state::alive);
  EXPECT_GT(st.core.self().status.at.generation, before.status.at.generation);
  EXPECT_EQ(st.core.live_members(), 4u);
  st.forget_what_was_seen();
  st.run(5s);
  EXPECT_FALSE(st.sent(packet_kind::ping).empty());
  EXPECT_FALSE(st.sent(packet_kind::gossip).empty());
}

TEST(SwimRepair, WhoComesBackAsksItsSeedsAtOnce) {
  stage st{1, {}, {"a:1"}};
  st.run(5min); // so it asks but every 15 s
  st.core.leave(st.now);
  st.look();
  st.run(1min);
  st.core.rejoin(st.now);
  st.look();
  st.forget_what_was_seen();

  st.run(10ms);

  EXPECT_EQ(syncs_with(st, "a:1"), 1u);
}

TEST(SwimRepair, NobodyReportsALeaverAsFailedThoughFewHearIt) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    group g;
    g.seed = 1000 * seed;
    g.add(12);
    g.run(10s);
    g.packet_lost = [](std::size_t from, std::size_t to) { return from == 3 && to > 3; };
    g.nodes[3].core->leave(g.now);
    g.perform(3);
    g.run(5s);
    g.crash(3);
    g.run(1min);

    for (std::size_t i = 0; i < 12; ++i) {
      EXPECT_EQ(g.count(i, event_kind::failed), 0u) << "seed " << seed << ", node " << i;
      if (i != 3) {
        EXPECT_EQ(g.state(i, 3), member_state::left) << "seed " << seed << ", node " << i;
      }
    }
  }
}

TEST(SwimRepair, AllMayLeaveAndComeBackInTurn) {
  group g;
  g.add(5);
  g.run(10s);
  for (std::size_t i = 0; i < 5; ++i) {
    g.nodes[i].core->leave(g.now);
    g.perform(i);
    g.run(5s);
    g.nodes[i].core->rejoin(g.now);
    g.perform(i);
    ASSERT_TRUE(g.run_until([&] { return g.is_whole(); }, 5s)) << i;
  }
  g.run(1min);
  EXPECT_TRUE(g.is_whole());
  for (std::size_t i = 0; i < 5; ++i)
    EXPECT_EQ(g.nodes[i].core->peers().size(), 4u);
}

// -- calls that are challenged --

TEST(SwimRepair, WhoIsChallengedCallsAgainOnce) {
  stage st{0, {}, {"a:1"}};
  const auto sixth = stage{6}.peers[5];
  std::vector<wire::call_header> heard;
  st.on_answer = [&](const call& c) {
    wire::reader in{c.content};
    heard.push_back(wire::decode_call_header(in));
    return heard.back().to == wire::challenge{{77}, 3}
               ? wire::encode_answer(stage::table(sixth.id, {sixth.record()}))
               : wire::encode_answer(wire::challenge{{77}, 3});
  };

  st.run(100ms);

  ASSERT_EQ(heard.size(), 2u);
  EXPECT_EQ(heard[0].to, wire::challenge{});
  EXPECT_EQ(heard[0].from, st.core.self().profile->session);
  EXPECT_NE(heard[0].number, heard[1].number);
  EXPECT_TRUE(st.core.has_joined());
  EXPECT_NE(st.core.table().find(sixth.id), nullptr);
}

TEST(SwimRepair, WhoChallengesForEverIsNoSeed) {
  stage st{0, {}, {"a:1"}};
  std::uint64_t asked = 0;
  st.on_answer = [&](const call&) {
    return wire::encode_answer(wire::challenge{{1000 + ++asked}});
  };

  st.run(1s);

  EXPECT_EQ(st.core.unreached_seeds(), std::vector<std::string>{"a:1"});
  EXPECT_EQ(asked, 2 * st.core.totals().syncs_failed);
}

TEST(SwimRepair, AMemberIsCalledByItsSession) {
  stage st{1};
  st.core.call_on(st.now, "nobody:1");
  st.look();
  st.run(2min);
  std::size_t known = 0;
  for (const auto& c : st.calls) {
    wire::reader in{c.content};
    const auto h = wire::decode_call_header(in);
    EXPECT_EQ(h.to,
              c.address == "nobody:1" ? wire::challenge{} : wire::challenge{st.peers[0].session});
    known += c.address != "nobody:1";
  }
  EXPECT_GE(known, 2u);
}

} // namespace

} // namespace starling::membership
