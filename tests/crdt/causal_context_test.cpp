#include "crdt/causal_context.hpp"
#include "tests/crdt/names.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace starling::crdt {
namespace {

using numbers = std::set<event_number>;

interval_set intervals_of(std::initializer_list<interval> list) {
  interval_set result;
  for (const auto& i : list)
    result.insert(i);
  return result;
}

/// The intervals that a plain set of numbers comes down to.
std::vector<interval> intervals_of(const numbers& model) {
  std::vector<interval> result;
  for (const auto n : model) {
    if (!result.empty() && result.back().last + 1 == n)
      result.back().last = n;
    else
      result.push_back({n, n});
  }
  return result;
}

event_number prefix_of(const numbers& model) {
  event_number n = 0;
  while (model.contains(n + 1))
    ++n;
  return n;
}

TEST(IntervalSet, MergesIntervalsThatTouchOrOverlap) {
  EXPECT_EQ(intervals_of({{1, 2}, {3, 4}}), intervals_of({{1, 4}}));
  EXPECT_EQ(intervals_of({{3, 4}, {1, 2}}), intervals_of({{1, 4}}));
  EXPECT_EQ(intervals_of({{1, 2}, {6, 7}, {2, 6}}), intervals_of({{1, 7}}));
  EXPECT_EQ(intervals_of({{1, 1}, {3, 3}, {5, 5}, {1, 9}}), intervals_of({{1, 9}}));
  EXPECT_EQ(intervals_of({{1, 9}, {4, 5}}), intervals_of({{1, 9}}));
  EXPECT_EQ(intervals_of({{1, 1}, {3, 3}}).intervals().size(), 2u);
}

TEST(IntervalSet, HasAPrefixOnlyFromOneOn) {
  EXPECT_EQ(interval_set{}.prefix(), 0u);
  EXPECT_EQ(intervals_of({{2, 5}}).prefix(), 0u);
  EXPECT_EQ(intervals_of({{1, 3}, {5, 9}}).prefix(), 3u);
  EXPECT_EQ(interval_set{}.last(), 0u);
  EXPECT_EQ(intervals_of({{1, 3}, {5, 9}}).last(), 9u);
}

TEST(IntervalSet, ReachesTheLargestEventNumber) {
  auto set = intervals_of({{event_number_max, event_number_max}});
  EXPECT_TRUE(set.contains(event_number_max));
  EXPECT_FALSE(set.contains(event_number_max - 1));
  set.insert({1, event_number_max - 1});
  EXPECT_EQ(set, intervals_of({{1, event_number_max}}));
  EXPECT_EQ(set.minus(intervals_of({{2, event_number_max}})), intervals_of({{1, 1}}));
}

TEST(IntervalSet, BehavesLikeAPlainSetOfNumbers) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random{seed};
  const auto any = [&](unsigned from, unsigned to) {
    return std::uniform_int_distribution<event_number>{from, to}(random);
  };
  for (int run = 0; run < 2000; ++run) {
    interval_set sets[2];
    numbers models[2];
    for (std::size_t i = 0; i < 2; ++i)
      for (auto left = any(0, 12); left > 0; --left) {
        const auto first = any(1, 30);
        const auto last = any(0, 1) == 0 ? first : first + any(0, 6);
        sets[i].insert({first, last});
        for (auto n = first; n <= last; ++n)
          models[i].insert(n);
        ASSERT_EQ(sets[i].intervals(), intervals_of(models[i]));
      }
    ASSERT_EQ(sets[0].empty(), models[0].empty());
    ASSERT_EQ(sets[0].prefix(), prefix_of(models[0]));
    ASSERT_EQ(sets[0].last(), models[0].empty() ? 0 : *models[0].rbegin());
    for (event_number n = 1; n < 40; ++n)
      ASSERT_EQ(sets[0].contains(n), models[0].contains(n)) << n;
    auto difference = models[0];
    for (const auto n : models[1])
      difference.erase(n);
    ASSERT_EQ(sets[0].minus(sets[1]).intervals(), intervals_of(difference));
  }
}

TEST(CausalContext, KeepsReplicasApart) {
  causal_context x;
  x.insert({a, 1});
  x.insert(b, {2, 4});

  EXPECT_TRUE(x.contains({a, 1}));
  EXPECT_FALSE(x.contains({b, 1}));
  EXPECT_TRUE(x.contains({b, 3}));
  EXPECT_FALSE(x.contains({c, 1}));
  EXPECT_EQ(x.prefix(a), 1u);
  EXPECT_EQ(x.prefix(b), 0u);
  EXPECT_EQ(x.last(b), 4u);
  EXPECT_EQ(x.last(c), 0u);
}

TEST(CausalContext, JoinReturnsTheEventsThatWereNew) {
  causal_context mine;
  mine.insert(a, {1, 3});
  causal_context theirs;
  theirs.insert(a, {2, 5});
  theirs.insert({b, 7});

  causal_context news;
  news.insert(a, {4, 5});
  news.insert({b, 7});
  EXPECT_EQ(mine.join(theirs), news);
  EXPECT_EQ(mine.prefix(a), 5u);
  EXPECT_TRUE(mine.join(theirs).empty());
}

TEST(CausalContext, JoinNamesNoReplicaWithoutNews) {
  causal_context mine;
  mine.insert(a, {1, 3});
  causal_context theirs;
  theirs.insert(a, {1, 2});

  EXPECT_TRUE(mine.join(theirs).empty());
  EXPECT_EQ(mine.replicas().size(), 1u);
}

TEST(CausalContext, HasInCommonWithAnotherTheEventsOfBoth) {
  causal_context ours;
  ours.insert(a, {1, 5});
  ours.insert(a, {8, 9});
  ours.insert(b, {1, 3});
  causal_context theirs;
  theirs.insert(a, {4, 8});
  theirs.insert(b, {4, 4});
  theirs.insert(c, {1, 1});

  causal_context common;
  common.insert(a, {4, 5});
  common.insert({a, 8});
  EXPECT_EQ(ours.common_with(theirs), common);
  EXPECT_EQ(theirs.common_with(ours), common);
  EXPECT_TRUE(ours.common_with({}).empty());
}

} // namespace
} // namespace starling::crdt
