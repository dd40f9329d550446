// Nodes of several versions in one cluster: what they write to each other, what they keep of each
// other, and what those say who have no version in common.

#include "tests/membership/group.hpp"
#include "tests/membership/stage.hpp"

#include <gtest/gtest.h>

#include <set>

namespace starling::membership {

namespace {

/// A group whose nodes speak these versions, and have a field each that the others do not know.
class mixed_group : public group {
public:
  explicit mixed_group(const std::vector<wire::protocol_range>& ranges) {
    spy = [this](std::size_t from, const packet& p) {
      versions[from].insert(static_cast<std::uint8_t>(p.bytes[0]));
    };
    for (const auto& speaks : ranges)
      add_one(speaks);
  }

  std::size_t add_one(const wire::protocol_range& speaks) {
    nodes.emplace_back();
    restart(nodes.size() - 1, speaks);
    return nodes.size() - 1;
  }

  void restart(std::size_t i, const wire::protocol_range& speaks) {
    auto who = identity_of(i);
    who.abilities = {.speaks = speaks,
                     .values = {{1, 1}, {3, speaks.newest}},
                     .others = {{100, "what node " + std::to_string(i) + " says"}}};
    boot(i, who);
  }

  std::map<std::size_t, std::set<std::uint8_t>> versions; // in which each has written packets
};

TEST(SwimVersions, NodesOfTwoVersionsTalkInTheNewestThatBothSpeak) {
  mixed_group g{{{5, 6}, {5, 6}, {5, 5}, {4, 5}}};

  EXPECT_TRUE(g.run_until([&] { return g.is_whole_by_count(4); }, 20s));
  g.run(20s);

  EXPECT_TRUE(g.is_whole_by_count(4));
  EXPECT_EQ(g.versions[0], (std::set<std::uint8_t>{5, 6}));
  EXPECT_EQ(g.versions[2], (std::set<std::uint8_t>{5}));
  EXPECT_EQ(g.versions[3], (std::set<std::uint8_t>{5}));
  for (const auto& n : g.nodes)
    EXPECT_EQ(n.core->totals().dropped_version, 0u) << n.address;
}

TEST(SwimVersions, ARollingUpdateKeepsTheClusterWhole) {
  mixed_group g{{{5, 5}, {5, 5}, {5, 5}}};
  ASSERT_TRUE(g.run_until([&] { return g.is_whole_by_count(3); }, 20s));
  for (std::size_t i = 0; i < 3; ++i) {
    g.crash(i);
    g.run(2s);
    g.restart(i, {5, 6});
    ASSERT_TRUE(g.run_until([&] { return g.is_whole(); }, 60s)) << i;
    EXPECT_EQ(g.nodes[0].core->shared_abilities().speaks.newest, i == 2 ? 6 : 5);
  }
  g.versions.clear();
  g.run(10s);
  EXPECT_EQ(g.versions[1], (std::set<std::uint8_t>{6}));
}

TEST(SwimVersions, ProfilesArriveWholeThroughThoseWhoDoNotKnowAllOfThem) {
  mixed_group g{{{5, 6}, {5, 5}, {5, 6}, {5, 6}}};
  // 0 and 3 hear of each other only by 1, which knows none of the fields.
  g.lost = [](std::size_t from, std::size_t to) { return from != 1 && to != 1; };
  g.seeds = {group::address_of(1)};
  g.run(20s);

  for (const auto& n : g.nodes)
    for (const auto& peer : n.core->peers()) {
      const auto whole = std::ranges::find_if(
          g.nodes, [&](const auto& other) { return other.core->self().id == peer.record->id; });
      EXPECT_EQ(peer.record->profile, whole->core->self().profile);
    }
}

TEST(SwimVersions, ThoseWithoutAVersionInCommonBothSaySo) {
  mixed_group g{{{7, 8}, {5, 6}}};
  g.run(20s);

  const auto& old = *g.nodes[1].core;
  const auto by = old.refused_by().entries().find(group::address_of(0));
  ASSERT_NE(by, old.refused_by().entries().end());
  EXPECT_EQ(by->second.what.reason, refusal_reason::version);
  EXPECT_EQ(by->second.what.speaks, (wire::protocol_range{7, 8}));
  EXPECT_EQ(by->second.what.theirs, (wire::protocol_range{5, 6}));
  EXPECT_EQ(by->second.what.name, "n0");
  EXPECT_TRUE(old.is_isolated());

  const auto& refusing = g.nodes[0].core->refusing().entries();
  const auto who = refusing.find(group::address_of(1));
  ASSERT_NE(who, refusing.end());
  EXPECT_EQ(who->second.what.reason, refusal_reason::version);
  EXPECT_EQ(who->second.what.name, "n1");
  EXPECT_EQ(g.count(0, event_kind::refusing), 1u);
  EXPECT_EQ(g.count(1, event_kind::refused), 1u);
  EXPECT_EQ(g.nodes[0].core->live_members(), 1u);
  EXPECT_EQ(old.live_members(), 1u);
}

TEST(SwimVersions, AMemberInBetweenHasBothAsMembersAndTheyRefuseEachOther) {
  mixed_group g{{{6, 7}, {7, 8}, {5, 6}}};
  g.run(60s);

  EXPECT_EQ(g.nodes[0].core->live_members(), 3u);
  for (const std::size_t i : {1u, 2u}) {
    EXPECT_EQ(g.nodes[i].core->live_members(), 2u) << i;
    EXPECT_EQ(g.nodes[i].core->refusing().entries().count(group::address_of(3 - i)), 1u) << i;
    EXPECT_EQ(g.count(i, event_kind::suspected), 0u) << "nobody asks whom it cannot ask";
    EXPECT_EQ(g.count(i, event_kind::refusing), 1u) << "told once";
  }
}

TEST(SwimVersions, WhoComesBackInOtherVersionsIsDeadForThoseWhoDoNotSpeakThem) {
  mixed_group g{{{5, 5}, {5, 5}}};
  ASSERT_TRUE(g.run_until([&] { return g.is_whole_by_count(2); }, 20s));
  g.crash(1);
  g.restart(1, {6, 7});

  EXPECT_TRUE(g.run_until([&] { return g.state(0, 1) == member_state::dead; }, 60s));
  EXPECT_EQ(g.nodes[0].core->refusing().entries().count(group::address_of(1)), 1u);
}

TEST(SwimVersions, AListInAnotherVersionIsAnsweredWithARefusalAndChangesNothing) {
  stage st{1};
  const auto before = st.core.table().digest();
  wire::writer list;
  begin_list(list, {.version = 9, .speaks = {8, 9}, .id = stage::id_of(7), .address = "x:1"}, 0);
  list.raw("in a format that nobody knows yet");

  const auto answer = st.core.answer(st.now, call_kind::sync, list.view());

  const auto why = decode_refusal(std::get<std::string>(answer));
  ASSERT_TRUE(why);
  EXPECT_EQ(why->reason, refusal_reason::version);
  EXPECT_EQ(why->speaks, wire::spoken);
  EXPECT_EQ(why->theirs, (wire::protocol_range{8, 9}));
  EXPECT_EQ(st.core.table().digest(), before);
  EXPECT_EQ(st.core.refusing().entries().count("x:1"), 1u);
}

TEST(SwimVersions, AnAnswerToAPacketIsInItsVersion) {
  stage st{1};
  st.forget_what_was_seen();
  auto stranger = st.peers[0];
  stranger.id = stage::id_of(7);
  stranger.where = stage::udp_of(7);
  st.say(stranger, packet_kind::ping, {.number = 3, .target = st.core.self().id});
  ASSERT_EQ(st.sent(packet_kind::ack).size(), 1u);
  EXPECT_EQ(st.sent(packet_kind::ack)[0].header.version, wire::spoken.newest);
}

// -- what all can --

TEST(SwimVersions, AllReadWhatEachMemberReadsTheDeadIncluded) {
  mixed_group g{{{5, 6}, {5, 6}, {5, 6}}};
  ASSERT_TRUE(g.run_until([&] { return g.is_whole_by_count(3); }, 20s));
  const auto& core = *g.nodes[0].core;
  EXPECT_TRUE(core.do_all_read(3, 6));

  g.add_one({5, 5});
  ASSERT_TRUE(g.run_until([&] { return g.is_whole_by_count(4); }, 20s));
  EXPECT_FALSE(core.do_all_read(3, 6));
  EXPECT_TRUE(core.do_all_read(3, 5));
  EXPECT_FALSE(core.do_all_read(2, 1));
  EXPECT_EQ(core.shared_abilities().speaks, (wire::protocol_range{5, 5}));

  g.crash(3);
  ASSERT_TRUE(g.run_until([&] { return g.state(0, 3) == member_state::dead; }, 60s));
  EXPECT_FALSE(core.do_all_read(3, 6)) << "it may come back";

  g.restart(3, {5, 5});
  ASSERT_TRUE(g.run_until([&] { return g.is_whole(); }, 60s));
  g.nodes[3].core->leave(g.now);
  g.perform(3);
  ASSERT_TRUE(g.run_until([&] { return g.state(0, 3) == member_state::left; }, 60s));
  EXPECT_TRUE(core.do_all_read(3, 6)) << "it left";
}

} // namespace

} // namespace starling::membership
