// Members behind an address that leads nowhere, or to another one.

#include "tests/membership/group.hpp"
#include "tests/membership/stage.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace starling::membership {

namespace {

constexpr std::size_t nowhere = 90;

const peer_view* find_view(const std::vector<peer_view>& all, const node_id& id) {
  const auto found = std::ranges::find(all, id, [](const auto& p) { return p.record->id; });
  return found == all.end() ? nullptr : &*found;
}

bool holds_unreached(const group& g, std::size_t i, std::size_t j) {
  const auto all = g.nodes[i].core->peers();
  const auto* one = find_view(all, group::id_of(j));
  return one != nullptr && one->unreached && !one->udp && !one->tcp;
}

bool is_unreached(const group& g, std::size_t i) {
  return g.nodes[i].core->is_unreached();
}

/// The last of them advertises where nobody is; what it sends itself arrives, and so does what is
/// sent back.
class behind_a_wall : public group {
public:
  explicit behind_a_wall(std::size_t count) {
    add(count - 1);
    run(5s);
    nodes.emplace_back();
    auto who = identity_of(last());
    who.address = "nowhere:9080";
    boot(last(), who);
    move(nowhere);
  }

  std::size_t last() const { return nodes.size() - 1; }

  void move(std::size_t place) {
    nodes[last()].core->start(now, udp_of(place));
    perform(last());
  }
};

TEST(SwimReach, ANodeThatNobodyReachesKnowsItSoonAndSaysSoOnce) {
  for (const std::size_t size : {2u, 3u, 5u, 9u}) {
    SCOPED_TRACE(size);
    behind_a_wall g{size};

    EXPECT_TRUE(g.run_until([&] { return is_unreached(g, g.last()); }, 90s));
    g.run(2min);

    EXPECT_TRUE(is_unreached(g, g.last()));
    EXPECT_EQ(g.count(g.last(), event_kind::unreached), 1u);
    for (std::size_t i = 0; i < g.last(); ++i) {
      EXPECT_FALSE(is_unreached(g, i));
      EXPECT_EQ(g.count(i, event_kind::unreached), 0u);
    }
  }
}

TEST(SwimReach, TheOthersNameIt) {
  for (const std::size_t size : {2u, 3u, 5u}) {
    SCOPED_TRACE(size);
    behind_a_wall g{size};
    g.run(2min);

    for (std::size_t i = 0; i < g.last(); ++i) {
      EXPECT_TRUE(holds_unreached(g, i, g.last()));
      EXPECT_EQ(g.count(i, event_kind::member_unreached), 1u);
      for (std::size_t j = 0; j < g.last(); ++j)
        EXPECT_TRUE(i == j || !holds_unreached(g, i, j));
    }
  }
}

TEST(SwimReach, IsOverWhenTheAddressLeadsThere) {
  behind_a_wall g{3};
  g.run(1min);
  ASSERT_TRUE(is_unreached(g, g.last()));

  g.move(g.last());
  g.run(30s);

  EXPECT_FALSE(is_unreached(g, g.last()));
  EXPECT_EQ(g.count(g.last(), event_kind::reached), 1u);
  for (std::size_t i = 0; i < g.last(); ++i)
    EXPECT_FALSE(holds_unreached(g, i, g.last()));
}

TEST(SwimReach, IsOverWhenThePathOpens) {
  group g;
  g.add(3);
  g.run(5s);
  // A firewall lets nothing in to node 2 but answers.
  bool is_closed = true;
  bool is_answer = false;
  g.spy = [&](std::size_t, const packet& p) {
    const auto opened = open_packet(g.secret, g.secret.cluster_id(), p.bytes);
    is_answer = std::get<opened_packet>(opened).header.kind == packet_kind::ack;
  };
  g.packet_lost = [&](std::size_t, std::size_t to) { return is_closed && to == 2 && !is_answer; };
  g.call_lost = [&](std::size_t, std::size_t to) { return is_closed && to == 2; };
  g.run(2min);
  ASSERT_TRUE(is_unreached(g, 2));
  ASSERT_TRUE(holds_unreached(g, 0, 2));

  is_closed = false;

  EXPECT_TRUE(g.run_until([&] { return !is_unreached(g, 2) && !holds_unreached(g, 0, 2); }, 30s));
  EXPECT_EQ(g.count(0, event_kind::member_reached), 1u);
}

TEST(SwimReach, WhoeverIsDeadIsNotCalledUnreached) {
  group g;
  g.add(3);
  g.run(5s);
  g.crash(2);
  g.run(2min);
  for (const std::size_t i : {0u, 1u}) {
    EXPECT_FALSE(holds_unreached(g, i, 2));
    EXPECT_EQ(g.count(i, event_kind::member_unreached), 0u);
    EXPECT_FALSE(is_unreached(g, i));
  }
}

TEST(SwimReach, WhoIsStoppedAgainAndAgainIsReached) {
  group g;
  g.add(3);
  g.run(5s);
  for (int i = 0; i < 10; ++i) {
    g.pause(2);
    g.run(4s);
    g.resume(2);
    g.run(4s);
  }
  ASSERT_GT(g.nodes[2].core->totals().refutations, reach::enough);
  EXPECT_EQ(g.count(2, event_kind::unreached), 0u);
  EXPECT_EQ(g.count(0, event_kind::member_unreached), 0u);
}

TEST(SwimReach, AMemberThatDiesUnreachedIsForgottenAsSuch) {
  behind_a_wall g{3};
  g.run(1min);
  ASSERT_TRUE(holds_unreached(g, 0, g.last()));
  g.crash(g.last());
  g.run(6min);
  EXPECT_EQ(g.state(0, g.last()), member_state::dead);
  EXPECT_FALSE(holds_unreached(g, 0, g.last()));
}

TEST(SwimReach, AnAnswerIsNoSignOfBeingReached) {
  stage st{1};
  auto& other = st.peers[0];
  other.answers = false;
  const auto accuse = [&] {
    auto said = st.core.self();
    said.profile.reset();
    said.status.is = member_state::suspect;
    said.status.accusers.insert(other.id);
    st.say(other, packet_kind::ack, {.number = 1}, {said});
    st.run(1s);
  };
  for (unsigned i = 0; i < reach::enough; ++i)
    accuse();
  EXPECT_TRUE(st.core.is_unreached());
  st.say(other, packet_kind::ack, {.number = 2});
  st.say(other, packet_kind::nack, {.number = 2});
  EXPECT_TRUE(st.core.is_unreached());

  // Seeds may lead here by another address than the one that others are told.
  st.sync(other, {other.record()});
  EXPECT_TRUE(st.core.is_unreached());

  st.say(other, packet_kind::ping, {.number = 3, .target = st.core.self().id});
  EXPECT_FALSE(st.core.is_unreached());
  EXPECT_EQ(st.count(event_kind::reached), 1u);

  for (unsigned i = 0; i < reach::enough; ++i)
    accuse();
  ASSERT_TRUE(st.core.is_unreached());
  static_cast<void>(st.core.answer(st.now, call_kind::ping, ""));
  EXPECT_FALSE(st.core.is_unreached()) << "a ping over HTTP goes to the address, too";
}

// -- one address, two members --

TEST(SwimReach, WhoClaimsAnAddressOfAnotherIsNamedByBoth) {
  group g;
  g.add(3);
  g.run(5s);
  g.nodes.emplace_back();
  auto who = g.identity_of(3);
  who.address = group::address_of(1);
  g.boot(3, who);
  g.nodes[3].core->start(g.now, group::udp_of(1));
  g.perform(3);
  g.run(2min);

  const auto rival_of = [&](std::size_t i) {
    const auto rival = g.nodes[i].core->address_rival();
    return rival ? std::optional{rival->id} : std::nullopt;
  };
  EXPECT_EQ(rival_of(1), group::id_of(3));
  EXPECT_EQ(rival_of(3), group::id_of(1));
  EXPECT_EQ(rival_of(0), std::nullopt);
  EXPECT_EQ(g.count(1, event_kind::address_conflict), 1u);
  EXPECT_EQ(g.count(3, event_kind::address_conflict), 1u);
  EXPECT_FALSE(holds_unreached(g, 0, 1)) << "it is the one that is there";
  EXPECT_TRUE(holds_unreached(g, 0, 3));
  EXPECT_EQ(g.state(0, 1), member_state::alive);
  EXPECT_EQ(g.state(3, 1), member_state::alive) << "it answers there";

  g.crash(3);
  g.run(6min);
  EXPECT_EQ(rival_of(1), std::nullopt);
}

} // namespace

} // namespace starling::membership
