// Pings, helpers and acks.

#include "tests/membership/group.hpp"
#include "tests/membership/stage.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace starling::membership {

namespace {

settings without_http() {
  settings s;
  s.with.pings_over_http = false;
  return s;
}

/// Timeouts that leave room to adapt.
settings with_wide_timeouts() {
  auto s = without_http();
  s.probe_timeout_min = 100ms;
  s.probe_timeout_first = 300ms;
  s.probe_timeout_max = 400ms;
  return s;
}

/// The worst that the core has said of itself.
int worst_health(const stage& st) {
  int worst = 0;
  for (const auto& p : st.packets)
    worst = std::max<int>(worst, p.header.health);
  return worst;
}

TEST(SwimProbes, EachMemberIsPingedOnceARound) {
  stage st{7};
  st.run(2min);

  std::map<udp_address, std::vector<duration>> pings;
  for (const auto& p : st.sent(packet_kind::ping))
    pings[p.to].push_back(p.when);

  EXPECT_EQ(pings.size(), 7u);
  EXPECT_NEAR(static_cast<double>(st.core.totals().probes), 120, 2) << "one each second";
  for (const auto& [to, times] : pings)
    for (std::size_t i = 1; i < times.size(); ++i)
      EXPECT_LE(times[i] - times[i - 1], (2 * 7 - 1) * 1s + 1ms) << to_string(to);
}

TEST(SwimProbes, ThreeHelpersAreAskedOrAsManyAsThereAre) {
  for (const std::size_t peers : {1, 2, 3, 4, 5, 9}) {
    stage st{peers};
    st.peers[0].answers = false;
    st.run_until([&] { return st.core.totals().probes_failed > 0; }, 30s);

    const auto asked = st.sent(packet_kind::ping_req);
    EXPECT_EQ(asked.size(), std::min<std::size_t>(3, peers - 1)) << peers << " peers";
    std::set<udp_address> helpers;
    for (const auto& p : asked) {
      EXPECT_EQ(p.body.target, st.peers[0].id);
      EXPECT_EQ(p.body.target_address, st.peers[0].where);
      helpers.insert(p.to);
    }
    EXPECT_EQ(helpers.size(), asked.size()) << "each one once";
    EXPECT_FALSE(helpers.contains(st.peers[0].where));
  }
}

TEST(SwimProbes, AsManyHelpersAreAskedAsConfigured) {
  for (const std::size_t wanted : {0u, 1u, 5u}) {
    auto s = without_http();
    s.indirect_probes = wanted;
    stage st{9, s};
    st.peers[0].answers = false;
    st.run_until([&] { return st.core.totals().probes_failed > 0; }, 30s);

    EXPECT_EQ(st.sent(packet_kind::ping_req).size(), wanted);
  }
}

TEST(SwimProbes, ARequestCarriesTheTimeThatIsLeft) {
  stage st{4, with_wide_timeouts()};
  st.peers[0].answers = false;
  st.run_until([&] { return st.core.totals().probes_failed > 0; }, 30s);

  const auto ping = st.sent(packet_kind::ping, st.peers[0].where).front();
  const auto asked = st.sent(packet_kind::ping_req);
  ASSERT_EQ(asked.size(), 3u);
  EXPECT_EQ(asked[0].when - ping.when, 300ms) << "no samples yet";
  EXPECT_EQ(asked[0].body.budget, 700ms);
}

TEST(SwimProbes, NacksOfLivingHelpersAllArriveBeforeTheProbersDeadline) {
  for (const duration latency : {1ms, 10ms, 40ms, 80ms}) {
    group g;
    g.latency = latency;
    g.with.with.pings_over_http = false;
    g.add(5);
    g.run(20s);

    std::vector<std::size_t> health_changes;
    for (std::size_t i = 0; i < 4; ++i)
      health_changes.push_back(g.count(i, event_kind::health_changed));

    g.crash(4);
    g.run(20s);

    std::uint64_t failed = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const auto& t = g.nodes[i].core->totals();
      failed += t.probes_failed;
      EXPECT_GE(t.nacks_received, 3 * t.probes_failed) << latency.count() << " us, node " << i;
      EXPECT_EQ(g.count(i, event_kind::health_changed), health_changes[i])
          << "to find a dead member is no reason for doubt";
    }
    EXPECT_GE(failed, 4u) << "each accused it";
  }
}

TEST(SwimProbes, HelpersThatSayNothingLowerTheOwnHealth) {
  stage st{5, without_http()};
  st.peers[0].answers = false;
  for (auto& p : st.peers)
    p.nacks = false;

  st.run_until([&] { return st.core.totals().probes_failed > 0; }, 30s);

  st.run(1s); // it says so in the next packet
  EXPECT_EQ(worst_health(st), 3);
  st.peers[0].answers = true;
  st.run(30s);
  EXPECT_EQ(st.core.health(), 0u) << "acks raise it";
}

TEST(SwimProbes, AFailureWithoutHelpersCountsOnce) {
  stage st{1, without_http()};
  st.peers[0].answers = false;
  st.run_until([&] { return st.core.totals().probes_failed > 0; }, 30s);

  EXPECT_EQ(st.core.health(), 1u);
}

TEST(SwimProbes, HealthIsBounded) {
  stage st{5, without_http()};
  for (auto& p : st.peers)
    p.answers = false;

  st.run(40s);

  EXPECT_EQ(st.core.health(), settings{}.health_max);
}

TEST(SwimProbes, WhoIsUnhealthyProbesMoreRarelyAndWaitsLonger) {
  auto s = with_wide_timeouts();
  s.suspicion_max_multiplier = 60; // nobody dies here
  stage st{5, s};
  st.run(30s);
  for (auto& p : st.peers)
    p.answers = false;
  st.run(1min);
  EXPECT_EQ(st.core.health(), 8u);
  st.forget_what_was_seen();

  st.run(1min);

  std::vector<seen_packet> pings;
  for (const auto& p : st.packets)
    if (p.header.kind == packet_kind::ping)
      pings.push_back(p);
    else if (p.header.kind == packet_kind::ping_req && !pings.empty()) {
      EXPECT_EQ(p.when - pings.back().when, 9 * 100ms) << "nine timeouts";
      EXPECT_EQ(p.body.budget, 9 * 900ms);
    }
  ASSERT_GE(pings.size(), 5u);
  for (std::size_t i = 1; i < pings.size(); ++i)
    EXPECT_EQ(pings[i].when - pings[i - 1].when, 9s) << "nine intervals";
}

TEST(SwimProbes, TheRoundTripSetsTheTimeout) {
  group g;
  g.latency = 70ms;
  g.with = with_wide_timeouts();
  g.add(4);
  g.run(60s);
  for (const auto& peer : g.nodes[0].core->peers())
    EXPECT_NEAR(static_cast<double>(peer.round_trip / 1ms), 140, 5);
  duration pinged{0};
  duration asked{0};
  g.spy = [&](std::size_t from, const packet& p) {
    if (from != 0)
      return;
    const auto opened = open_packet(g.secret, g.secret.cluster_id(), p.bytes);
    const auto& o = std::get<opened_packet>(opened);
    if (o.header.kind == packet_kind::ping && o.body.target == group::id_of(1) && asked == 0s)
      pinged = g.now;
    if (o.header.kind == packet_kind::ping_req && asked == 0s)
      asked = g.now;
  };

  g.crash(1);
  g.run(10s);

  EXPECT_GT(asked - pinged, 140ms);
  EXPECT_LT(asked - pinged, 200ms) << "the variation has gone";
}

TEST(SwimProbes, AMemberThatOnlyTheListenerReachesIsAlive) {
  for (const std::size_t size : {2, 3, 5}) {
    group g;
    g.add(size);
    g.run(5s);
    // What a firewall does that lets no UDP through.
    g.packet_lost = [](std::size_t from, std::size_t to) { return from == 1 || to == 1; };

    g.run(2min);

    for (std::size_t i = 0; i < size; ++i)
      EXPECT_EQ(g.count(i, event_kind::failed), 0u) << size << " nodes, node " << i;
  }
}

// -- as the one who is asked --

TEST(SwimProbes, APingForUsIsAcknowledged) {
  stage st{1};
  st.say(st.peers[0], packet_kind::ping, {.number = 77, .target = st.core.self().id});

  ASSERT_EQ(st.packets.back().header.kind, packet_kind::ack);
  EXPECT_EQ(st.packets.back().body.number, 77u);
  EXPECT_EQ(st.packets.back().to, st.peers[0].where);
}

TEST(SwimProbes, APingForAnotherLearnsThatItIsGone) {
  stage st{1};
  st.say(st.peers[0], packet_kind::ping, {.number = 77, .target = stage::id_of(77)});

  ASSERT_EQ(st.packets.back().header.kind, packet_kind::gone);
  EXPECT_EQ(st.packets.back().body.number, 77u);
}

TEST(SwimProbes, AHelperPassesTheAckOn) {
  stage st{2};
  st.peers[1].answers = false;
  st.say(st.peers[0], packet_kind::ping_req,
         {.number = 77,
          .target = st.peers[1].id,
          .target_address = st.peers[1].where,
          .budget = 700ms});
  ASSERT_EQ(st.packets.back().header.kind, packet_kind::ping);
  ASSERT_EQ(st.packets.back().to, st.peers[1].where);
  const auto number = st.packets.back().body.number;

  st.now += 5ms;
  st.say(st.peers[1], packet_kind::ack, {.number = number});

  const auto acks = st.sent(packet_kind::ack, st.peers[0].where);
  ASSERT_EQ(acks.size(), 1u);
  EXPECT_EQ(acks[0].body.number, 77u);
  st.run(2s);
  EXPECT_TRUE(st.sent(packet_kind::nack).empty());
}

TEST(SwimProbes, AHelperSaysInTimeThatThereIsNoAckAndStillPassesALateOneOn) {
  stage st{2};
  st.peers[1].answers = false;
  const auto asked_at = st.now;
  st.say(st.peers[0], packet_kind::ping_req,
         {.number = 77,
          .target = st.peers[1].id,
          .target_address = st.peers[1].where,
          .budget = 700ms});
  const auto number = st.packets.back().body.number;

  st.run(800ms);
  const auto nacks = st.sent(packet_kind::nack, st.peers[0].where);
  ASSERT_EQ(nacks.size(), 1u);
  EXPECT_EQ(nacks[0].body.number, 77u);
  EXPECT_EQ(nacks[0].when - asked_at, 650ms) << "50 ms before the end";

  st.say(st.peers[1], packet_kind::ack, {.number = number});
  EXPECT_EQ(st.sent(packet_kind::ack, st.peers[0].where).size(), 1u);
  st.run(1ms);
  st.say(st.peers[1], packet_kind::ack, {.number = number});
  st.run(5s);
  EXPECT_EQ(st.sent(packet_kind::ack, st.peers[0].where).size(), 1u) << "once";
  EXPECT_EQ(st.sent(packet_kind::nack, st.peers[0].where).size(), 1u);
}

TEST(SwimProbes, AShortBudgetIsHalvedForTheWayBack) {
  stage st{2};
  st.peers[1].answers = false;
  const auto asked_at = st.now;
  st.say(st.peers[0], packet_kind::ping_req,
         {.number = 77,
          .target = st.peers[1].id,
          .target_address = st.peers[1].where,
          .budget = 60ms});
  st.run(1s);

  const auto nacks = st.sent(packet_kind::nack, st.peers[0].where);
  ASSERT_EQ(nacks.size(), 1u);
  EXPECT_EQ(nacks[0].when - asked_at, 30ms);
}

TEST(SwimProbes, AHelperAsksOnlyForMembersThatItKnows) {
  stage st{2};
  st.forget_what_was_seen();
  const packet_body body{
      .number = 77, .target = st.peers[1].id, .target_address = st.peers[1].where, .budget = 700ms};

  auto stranger = st.peers[0];
  stranger.id = stage::id_of(77);
  stranger.session = {9999};
  st.say(stranger, packet_kind::ping_req, body);
  EXPECT_TRUE(st.packets.empty()) << "nobody knows it";

  auto elsewhere = stage::udp_of(40);
  st.receive(elsewhere, st.packet_of(st.peers[0], packet_kind::ping_req, body));
  EXPECT_TRUE(st.packets.empty()) << "it does not live there";
}

TEST(SwimProbes, NobodyCanMakeAHelperRememberWithoutBound) {
  for (const std::size_t most : {0, 10, 256}) {
    settings s;
    s.max_relays = most;
    stage st{2, s};
    st.peers[1].answers = false;
    st.forget_what_was_seen();
    for (std::uint64_t i = 0; i < 1000; ++i)
      st.say(st.peers[0], packet_kind::ping_req,
             {.number = i,
              .target = st.peers[1].id,
              .target_address = st.peers[1].where,
              .budget = 1h});

    EXPECT_EQ(st.sent(packet_kind::ping, st.peers[1].where).size(), most);
  }
}

TEST(SwimProbes, ANackComesAsLongBeforeTheEndAsConfigured) {
  settings s;
  s.probe_timeout_max = s.probe_timeout_first = s.probe_timeout_min = 300ms;
  s.nack_margin = 200ms;
  stage st{2, s};
  st.peers[1].answers = false;
  const auto asked_at = st.now;
  st.say(st.peers[0], packet_kind::ping_req,
         {.number = 77,
          .target = st.peers[1].id,
          .target_address = st.peers[1].where,
          .budget = 700ms});
  st.run(700ms);

  const auto nacks = st.sent(packet_kind::nack, st.peers[0].where);
  ASSERT_EQ(nacks.size(), 1u);
  EXPECT_EQ(nacks[0].when - asked_at, 500ms);
}

TEST(SwimProbes, AsManyMembersAreAskedOverHttpAtATimeAsConfigured) {
  for (const std::size_t most : {0, 2, 8}) {
    settings s;
    s.max_http_pings = most;
    s.probe_interval = 1s;
    stage st{30, s};
    st.is_called_in_vain = true;
    for (auto& p : st.peers)
      p.answers = false;
    st.run(2min);

    EXPECT_EQ(std::ranges::count(st.calls, call_kind::ping, &call::kind),
              static_cast<std::ptrdiff_t>(most));
  }
}

// -- what counts as an answer --

TEST(SwimProbes, AnAckOfSomebodyElseDoesNotCount) {
  stage st{4, without_http()};
  st.peers[0].answers = false;
  st.run_until([&] { return !st.sent(packet_kind::ping, st.peers[0].where).empty(); }, 30s);
  const auto number = st.sent(packet_kind::ping, st.peers[0].where).front().body.number;

  st.say(st.peers[1], packet_kind::ack, {.number = number}); // no helper, and not the target
  st.run(1100ms);

  EXPECT_EQ(st.core.totals().probes_failed, 1u);
}

TEST(SwimProbes, TheAckOfAHelperCounts) {
  stage st{4, without_http()};
  st.peers[0].answers = false;
  st.run_until([&] { return !st.sent(packet_kind::ping_req).empty(); }, 30s);
  const auto asked = st.sent(packet_kind::ping_req).front();
  const auto helper = std::ranges::find(st.peers, asked.to, &stage::peer::where);

  st.say(*helper, packet_kind::ack, {.number = asked.body.number});
  st.run(1100ms);

  EXPECT_EQ(st.core.totals().probes_failed, 0u);
}

TEST(SwimProbes, EachHelpersNackCountsOnce) {
  stage st{3, without_http()};
  for (auto& p : st.peers)
    p.nacks = false;
  st.peers[0].answers = false;
  st.run_until([&] { return !st.sent(packet_kind::ping_req).empty(); }, 30s);
  const auto asked = st.sent(packet_kind::ping_req).front();
  auto& helper = *std::ranges::find(st.peers, asked.to, &stage::peer::where);

  for (int i = 0; i < 5; ++i)
    st.say(helper, packet_kind::nack, {.number = asked.body.number});
  st.say(st.peers[0], packet_kind::nack, {.number = asked.body.number}); // the target is no helper
  st.run(1100ms);

  st.run(1s);
  EXPECT_EQ(worst_health(st), 1) << "two asked, one said no";
  EXPECT_EQ(st.core.totals().nacks_received, 5u);
}

TEST(SwimProbes, SomebodyElseAtItsAddressMeansThatItIsGone) {
  stage st{2};
  st.run(5s);
  auto& old = st.peers[0];
  old.answers = false;
  auto& heir = st.add();
  heir.where = old.where;
  heir.at.refutations = 1;
  heir.answers = false;
  st.forget_what_was_seen();
  st.sync(heir, {heir.record()}); // so it is asked for both
  const auto pings = st.sent(packet_kind::ping, old.where);
  ASSERT_EQ(pings.size(), 2u);

  for (const auto& p : pings)
    st.say(heir, p.body.target == heir.id ? packet_kind::ack : packet_kind::gone,
           {.number = p.body.number});

  EXPECT_EQ(st.state(old.id), member_state::dead);
  EXPECT_EQ(st.state(heir.id), member_state::alive);
  ASSERT_EQ(st.count(event_kind::failed), 1u);
  EXPECT_EQ(st.core.totals().probes_failed, 0u) << "at once";
}

TEST(SwimProbes, GoneFromAnotherAddressOrForAnotherPingIsNoNews) {
  stage st{3};
  st.peers[0].answers = false;
  st.run_until([&] { return !st.sent(packet_kind::ping, st.peers[0].where).empty(); }, 30s);
  const auto number = st.sent(packet_kind::ping, st.peers[0].where).front().body.number;

  st.say(st.peers[1], packet_kind::gone, {.number = number});
  st.receive(st.peers[0].where,
             st.packet_of(st.peers[1], packet_kind::gone, {.number = number + 999}));
  // It is where the ping went, but does not say that it lives there.
  st.receive(st.peers[0].where, st.packet_of(st.peers[1], packet_kind::gone, {.number = number}));

  EXPECT_EQ(st.count(event_kind::failed), 0u);
  EXPECT_NE(st.state(st.peers[0].id), member_state::dead);
  st.run(1100ms);
  EXPECT_EQ(st.core.totals().probes_failed, 1u) << "the probe goes on";
}

TEST(SwimProbes, AskedOverHttpWeSayWhoWeAre) {
  stage st{1};
  const std::string version(1, static_cast<char>(wire::spoken.newest));
  const auto answer = st.core.answer(st.now, call_kind::ping, version);
  const auto content = wire::decode_answer(std::get<std::string>(answer));
  wire::reader in{std::get<std::string_view>(content)};
  EXPECT_EQ(in.u8(), wire::spoken.newest);
  EXPECT_EQ(decode_member(in), st.core.self());
  in.expect_end();
  EXPECT_TRUE(in.ok());
}

TEST(SwimProbes, AnAnswerOverHttpCountsIfItIsTheMember) {
  for (const bool is_member : {true, false}) {
    settings s;
    s.indirect_probes = 0;
    stage st{4, s};
    st.on_call = [&](const call& c) -> std::optional<std::string> {
      if (c.kind != call_kind::ping)
        return std::nullopt;
      wire::writer out;
      out.u8(wire::spoken.newest);
      encode(out, is_member ? st.peers[0].record() : st.peers[1].record());
      return std::move(out).take();
    };
    st.peers[0].answers = false;
    st.run(30s);
    EXPECT_EQ(st.core.totals().probes_failed == 0, is_member);
  }
}

} // namespace

} // namespace starling::membership
