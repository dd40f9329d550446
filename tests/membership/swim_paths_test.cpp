// Members that only one of UDP and TCP reaches.

#include "tests/membership/group.hpp"
#include "tests/membership/stage.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

namespace starling::membership {

namespace {

bool is_one_of(std::size_t a, std::size_t b, std::size_t from, std::size_t to) {
  return (from == a && to == b) || (from == b && to == a);
}

const peer_view* view(const group& g, std::size_t i, std::size_t j,
                      std::vector<peer_view>& storage) {
  storage = g.nodes[i].core->peers();
  for (const auto& p : storage)
    if (p.record->id == group::id_of(j))
      return &p;
  return nullptr;
}

bool has_udp(const group& g, std::size_t i, std::size_t j) {
  std::vector<peer_view> all;
  const auto* v = view(g, i, j, all);
  return v != nullptr && v->udp;
}

bool has_tcp(const group& g, std::size_t i, std::size_t j) {
  std::vector<peer_view> all;
  const auto* v = view(g, i, j, all);
  return v != nullptr && v->tcp;
}

TEST(SwimPaths, AllAreOpenAtFirst) {
  group g;
  g.add(3);
  g.run(1min);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      if (i != j) {
        EXPECT_TRUE(has_udp(g, i, j));
        EXPECT_TRUE(has_tcp(g, i, j));
      }
}

TEST(SwimPaths, WithoutDatagramsAMemberStaysAndThatIsSaidOnce) {
  for (const bool both_ways : {true, false}) {
    for (const std::size_t size : {2u, 3u, 5u}) {
      SCOPED_TRACE(size);
      group g;
      g.add(size);
      g.run(5s);
      g.packet_lost = [&](std::size_t from, std::size_t to) {
        return both_ways ? is_one_of(0, 1, from, to) : from == 0 && to == 1;
      };
      g.run(3min);

      for (const std::size_t i : {0u, 1u}) {
        EXPECT_FALSE(has_udp(g, i, 1 - i)) << "one way is not enough for an answer";
        EXPECT_EQ(g.count(i, event_kind::udp_blocked), 1u);
        EXPECT_EQ(g.count(i, event_kind::suspected), 0u);
        EXPECT_EQ(g.count(i, event_kind::failed), 0u);
        EXPECT_TRUE(has_tcp(g, i, 1 - i));
      }
      for (std::size_t i = 2; i < size; ++i)
        EXPECT_EQ(g.count(i, event_kind::udp_blocked), 0u);

      g.packet_lost = [](auto, auto) { return false; };
      g.run(30s);
      for (const std::size_t i : {0u, 1u}) {
        EXPECT_TRUE(has_udp(g, i, 1 - i));
        EXPECT_EQ(g.count(i, event_kind::udp_open), 1u);
      }
    }
  }
}

TEST(SwimPaths, AnAccusationReachesWhomNoDatagramReaches) {
  // Calls take longer than a probe lasts, so each probe fails.
  stage st{3};
  auto& far = st.peers[0];
  far.answers = false;
  st.is_called_in_vain = true;
  std::size_t before = 0;
  ASSERT_TRUE(st.run_until(
      [&] {
        for (; before < st.calls.size(); ++before)
          if (st.calls[before].kind == call_kind::sync && st.calls[before].address == far.address) {
            const auto told = stage::members_in_call(st.calls[before].content);
            return told && std::ranges::any_of(*told, [&](const member& m) {
                     return m.id == far.id && m.status.is == member_state::suspect;
                   });
          }
        return false;
      },
      15s));
}

TEST(SwimPaths, AMemberWhoseCallsTakeLongerThanAProbeStays) {
  stage st{1};
  auto& far = st.peers[0];
  far.answers = false;
  st.is_called_in_vain = true;
  for (int i = 0; i < 100; ++i) { // each answer comes 1.2 s after its call
    const auto asked = std::exchange(st.calls, {});
    st.run(1200ms);
    for (const auto& c : asked) {
      if (c.kind == call_kind::sync) // it hears that it is suspected, and refutes
        far.at = std::max(far.at, st.core.table().find(far.id)->record.status.at.next());
      wire::writer record;
      record.u8(wire::spoken.newest);
      encode(record, far.record());
      const auto content = c.kind == call_kind::ping ? std::string{record.view()}
                                                     : stage::table(far.id, {far.record()});
      static_cast<void>(st.core.call_answered(st.now, c.token, wire::encode_answer(content)));
      st.look();
    }
    ASSERT_NE(st.state(far.id), member_state::dead) << i;
  }
  EXPECT_EQ(st.count(event_kind::udp_blocked), 1u);
  EXPECT_LE(st.count(event_kind::suspected), settings{}.path_misses + 1) << "until that is known";
}

TEST(SwimPaths, AMemberThatIsDeadIsNotCalledBlocked) {
  group g;
  g.add(3);
  g.run(5s);
  g.crash(2);
  for (int i = 0; i < 10; ++i) { // as the gossip of values finds it out, too
    for (const std::size_t k : {0u, 1u}) {
      g.nodes[k].core->reached(g.now, group::address_of(2), false);
      g.perform(k);
    }
    g.run(5s);
  }
  for (const std::size_t i : {0u, 1u}) {
    EXPECT_EQ(g.count(i, event_kind::udp_blocked), 0u);
    EXPECT_EQ(g.count(i, event_kind::tcp_blocked), 0u);
    EXPECT_EQ(g.count(i, event_kind::failed), 1u);
  }
}

TEST(SwimPaths, WithoutCallsAMemberStaysAndThatIsSaidOnce) {
  group g;
  g.add(3);
  g.run(5s);
  for (int i = 0; i < 12; ++i) {
    g.nodes[0].core->reached(g.now, group::address_of(1), false);
    g.perform(0);
    g.run(5s);
  }

  EXPECT_FALSE(has_tcp(g, 0, 1));
  EXPECT_TRUE(has_udp(g, 0, 1));
  EXPECT_TRUE(has_tcp(g, 0, 2));
  EXPECT_EQ(g.count(0, event_kind::tcp_blocked), 1u);
  EXPECT_EQ(g.count(0, event_kind::suspected), 0u);

  g.nodes[0].core->reached(g.now, group::address_of(1), true);
  g.perform(0);
  EXPECT_TRUE(has_tcp(g, 0, 1));
  EXPECT_EQ(g.count(0, event_kind::tcp_open), 1u);
}

TEST(SwimPaths, WhomNoCallReachesIsToldByTheCaller) {
  group g;
  g.add(3);
  g.run(5s);
  const auto fail = [&](std::size_t from, std::size_t to) {
    for (int i = 0; i < 12; ++i) {
      g.nodes[from].core->reached(g.now, group::address_of(to), false);
      g.perform(from);
      g.run(5s);
    }
  };
  const auto is_told = [&](std::size_t i, std::size_t by) {
    std::vector<peer_view> all;
    const auto* v = view(g, i, by, all);
    return v != nullptr && !v->tcp_in;
  };
  fail(0, 1);

  EXPECT_TRUE(is_told(1, 0));
  EXPECT_EQ(g.count(1, event_kind::tcp_in_blocked), 1u);
  for (const auto& [i, by] : {std::pair{0u, 1u}, {1u, 2u}, {2u, 0u}, {2u, 1u}})
    EXPECT_FALSE(is_told(i, by)) << i << " by " << by;

  g.nodes[0].core->reached(g.now, group::address_of(1), true);
  g.perform(0);
  g.run(10s);
  EXPECT_FALSE(is_told(1, 0));
  EXPECT_EQ(g.count(1, event_kind::tcp_in_open), 1u);
}

TEST(SwimPaths, ACallThatFailsOnceIsNoBlockedPath) {
  group g;
  g.add(2);
  g.run(5s);
  g.nodes[0].core->reached(g.now, group::address_of(1), false);
  g.perform(0);
  g.run(1s);
  g.nodes[0].core->reached(g.now, group::address_of(1), false);
  g.perform(0);
  g.run(5s);
  g.nodes[0].core->reached(g.now, group::address_of(1), true);
  g.perform(0);
  g.run(1min);
  EXPECT_EQ(g.count(0, event_kind::tcp_blocked), 0u);
}

} // namespace

} // namespace starling::membership
