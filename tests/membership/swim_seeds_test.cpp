// Names that lead to several addresses, and what a node says that finds nobody.

#include "tests/membership/group.hpp"
#include "tests/membership/stage.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace starling::membership {

namespace {

/// A group whose only seed is a name that leads to all of its nodes, and perhaps to more.
class service : public group {
public:
  explicit service(std::size_t size, std::vector<std::string> strangers = {}, settings s = {})
      : group(s) {
    seeds = {"all:9080"};
    where_leads = [this, size, strangers](const std::string&) {
      auto all = strangers;
      for (std::size_t i = 0; i < size; ++i)
        all.push_back(address_of(i));
      return all;
    };
  }
};

TEST(SwimSeeds, NodesThatAreAllBehindOneNameFindEachOther) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    service g{3};
    g.seed = seed;
    g.add(3);
    EXPECT_TRUE(g.run_until([&] { return g.is_whole(); }, 3s)) << "seed " << seed;
    for (std::size_t i = 0; i < 3; ++i)
      EXPECT_EQ(g.count(i, event_kind::alone), 0u);
  }
}

TEST(SwimSeeds, StrangersBehindTheNameHideNoNode) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    service g{2, {"stranger:9080", "nobody:9080", "another:9080"}};
    g.seed = seed;
    g.add(2);
    EXPECT_TRUE(g.run_until([&] { return g.is_whole(); }, 3s)) << "seed " << seed;
  }
}

TEST(SwimSeeds, HalvesThatKnowOnlyThemselvesMeetBehindTheName) {
  service g{4};
  g.with.dead_retention = 10s;
  g.lost = [](std::size_t from, std::size_t to) { return from / 2 != to / 2; };
  g.add(4);
  g.run(2min);
  EXPECT_EQ(g.nodes[0].core->live_members(), 2u);

  g.lost = [](auto, auto) { return false; };

  EXPECT_TRUE(g.run_until([&] { return g.is_whole(); }, 2min));
}

TEST(SwimSeeds, ANameIsLookedUpAnewEachTime) {
  group g;
  g.seeds = {"moving:9080"};
  std::string now = "nobody:9080";
  g.where_leads = [&](const auto&) { return std::vector{now}; };
  g.add(2);
  g.run(1min);
  EXPECT_EQ(g.nodes[1].core->live_members(), 1u);

  now = group::address_of(0);

  EXPECT_TRUE(g.run_until([&] { return g.is_whole(); }, 20s));
}

TEST(SwimSeeds, WhoAnswersInTheSessionOfThisNodeIsThisNode) {
  stage st{0, {}, {"core:9080"}};
  st.on_answer = [&](const call&) { return wire::encode_answer(wire::challenge{{1}, 0}); };
  st.run(1min);

  EXPECT_EQ(st.core.seed_attempts().at(0).what, seeds::outcome::ourselves);
  EXPECT_TRUE(st.core.has_joined());
  EXPECT_LE(st.calls.size(), 5u) << "as seldom as a seed that was reached";
  for (const auto& c : st.calls) {
    wire::reader in{c.content};
    EXPECT_EQ(wire::decode_call_header(in).to, wire::challenge{}) << "nothing is said to oneself";
  }
}

TEST(SwimSeeds, WhoHasOurIdAndAnotherSessionIsNotThisNode) {
  stage st{0, {}, {"copy:9080"}};
  st.on_call = [&](const call&) { return stage::table(st.core.self().id, {}); };
  st.run(1min);

  EXPECT_EQ(st.core.seed_attempts().at(0).what, seeds::outcome::failed);
  EXPECT_TRUE(st.core.is_alone());
}

// -- being alone --

TEST(SwimSeeds, WhoseSeedsAreAllItselfIsAloneAndSaysSoOnce) {
  service g{1};
  g.add();
  g.run(2s);
  EXPECT_FALSE(g.nodes[0].core->is_isolated()) << "others may start just now";
  g.run(10min);

  EXPECT_TRUE(g.nodes[0].core->is_isolated());
  EXPECT_EQ(g.count(0, event_kind::alone), 1u);
}

TEST(SwimSeeds, WhoHasNoSeedsAndKnewNobodyIsNotIsolated) {
  stage st{0};
  st.run(1h);
  EXPECT_FALSE(st.core.is_isolated());
  EXPECT_EQ(st.count(event_kind::alone), 0u);
}

TEST(SwimSeeds, WhoseSeedsFailIsAloneUntilOneIsThere) {
  group g;
  g.seeds = {group::address_of(0), group::address_of(1)};
  g.add();
  g.run(1min);
  EXPECT_TRUE(g.nodes[0].core->is_alone());
  EXPECT_EQ(g.count(0, event_kind::alone), 1u);

  g.add();
  EXPECT_TRUE(g.run_until([&] { return g.is_whole(); }, 20s));

  EXPECT_FALSE(g.nodes[0].core->is_isolated());
  EXPECT_EQ(g.count(0, event_kind::accompanied), 1u);
  EXPECT_EQ(g.count(1, event_kind::alone), 0u);
}

TEST(SwimSeeds, WhoWaitsForItsSeedsSaysSoAfterSomeTime) {
  stage st{0, {}, {"black-hole:1"}};
  st.is_called_in_vain = true;
  st.run(9s);
  EXPECT_FALSE(st.core.is_alone()) << "it may answer yet";
  st.run(2s);
  EXPECT_TRUE(st.core.is_alone());
  EXPECT_EQ(st.core.seed_attempts().at(0).what, seeds::outcome::untried);
}

TEST(SwimSeeds, WhoLosesAllOthersIsAloneWithoutSeedsToo) {
  stage st{2};
  for (auto& p : st.peers)
    p.answers = false;
  st.run(5min);

  EXPECT_TRUE(st.core.is_alone());
  EXPECT_EQ(st.count(event_kind::alone), 1u);
}

TEST(SwimSeeds, WhomAllOthersLeftIsNotAloneAgainstItsWill) {
  stage st{1};
  st.gossip(st.peers[0], {st.peers[0].claim(member_state::left)});
  st.run(5min);
  EXPECT_FALSE(st.core.is_isolated());
}

TEST(SwimSeeds, WhoLeavesIsNotAlone) {
  stage st{0, {}, {"a:1"}};
  st.run(30s);
  EXPECT_TRUE(st.core.is_alone());
  st.core.leave(st.now);
  st.look();
  EXPECT_FALSE(st.core.is_alone());
  st.run(10s);
  EXPECT_FALSE(st.core.is_alone());
}

TEST(SwimSeeds, TheReasonOfEachFailureIsKept) {
  stage st{0, {}, {"a:1", "b:1"}};
  st.on_lookup = [](const auto& name) {
    return name == "a:1" ? std::vector<std::string>{"1:1", "2:1"} : std::vector<std::string>{};
  };
  st.failure.why = "connection refused";
  st.run(10s);

  const auto all = st.core.seed_attempts();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].why, "connection refused");
  EXPECT_EQ(all[1].why, "connection refused");
  EXPECT_EQ(all[2].seed, "b:1");
  EXPECT_EQ(all[2].why, "no such name");
}

} // namespace

} // namespace starling::membership
