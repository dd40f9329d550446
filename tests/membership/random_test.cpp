#include "membership/random.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <numeric>
#include <set>

namespace starling::membership {

namespace {

using namespace std::chrono_literals;

TEST(Random, DrawsWhatThePaperDraws) {
  // The first outputs of SplitMix64 from seed 1234567, as its authors publish them.
  random_source random{1234567};
  EXPECT_EQ(random.bits(), 6457827717110365317u);
  EXPECT_EQ(random.bits(), 3203168211198807973u);
  EXPECT_EQ(random.bits(), 9817491932198370423u);
}

TEST(Random, IsBelowItsBound) {
  random_source random{1};
  std::set<std::size_t> drawn;
  for (int i = 0; i < 1000; ++i)
    drawn.insert(random.below(7));
  EXPECT_EQ(drawn.size(), 7u);
  EXPECT_EQ(*drawn.rbegin(), 6u);
}

TEST(Random, ChanceIsAboutAsOftenAsItSays) {
  random_source random{1};
  int hits = 0;
  for (int i = 0; i < 100'000; ++i)
    hits += random.chance(0.1) ? 1 : 0;
  EXPECT_NEAR(hits, 10'000, 400);
  EXPECT_FALSE(random.chance(0.0));
  EXPECT_TRUE(random.chance(1.0));
}

TEST(Random, BetweenReachesBothEnds) {
  random_source random{1};
  std::set<std::chrono::milliseconds> drawn;
  for (int i = 0; i < 1000; ++i)
    drawn.insert(random.between(-2ms, 3ms));
  EXPECT_EQ(drawn.size(), 6u);
  EXPECT_EQ(*drawn.begin(), -2ms);
  EXPECT_EQ(*drawn.rbegin(), 3ms);
  EXPECT_EQ(random.between(5, 5), 5);
}

TEST(Random, ShufflesIntoEveryOrder) {
  random_source random{1};
  std::set<std::vector<int>> orders;
  for (int i = 0; i < 1000; ++i) {
    std::vector items{1, 2, 3, 4};
    random.shuffle(items);
    orders.insert(items);
  }
  EXPECT_EQ(orders.size(), 24u);
}

} // namespace

} // namespace starling::membership
