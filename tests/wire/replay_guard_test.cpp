#include "wire/replay_guard.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace starling::wire {

namespace {

constexpr session_id ann{1};
constexpr session_id bob{2};

TEST(ReplayGuard, LetsEachPacketPassOnce) {
  replay_guard guard{4};
  for (const std::uint64_t counter : {1, 2, 3, 7, 5, 4, 6})
    EXPECT_TRUE(guard.admit(ann, counter)) << counter;
  for (std::uint64_t counter = 1; counter <= 7; ++counter)
    EXPECT_FALSE(guard.admit(ann, counter)) << counter;
}

TEST(ReplayGuard, CountsEachSessionByItself) {
  replay_guard guard{4};
  EXPECT_TRUE(guard.admit(ann, 5));
  EXPECT_TRUE(guard.admit(bob, 5));
  EXPECT_FALSE(guard.admit(ann, 5));
  EXPECT_EQ(guard.sessions(), 2u);
}

TEST(ReplayGuard, TheFirstPacketThatItSeesNeedNotBeTheFirst) {
  replay_guard guard{4};
  EXPECT_TRUE(guard.admit(ann, 1'000'000));
  EXPECT_TRUE(guard.admit(ann, 999'999)) << "reordered";
}

TEST(ReplayGuard, RefusesWhatFellOutOfTheWindow) {
  replay_guard guard{4};
  EXPECT_TRUE(guard.admit(ann, 10));
  EXPECT_TRUE(guard.admit(ann, 10 + replay_guard::width));
  EXPECT_FALSE(guard.admit(ann, 10));
  EXPECT_FALSE(guard.admit(ann, 10));
  EXPECT_TRUE(guard.admit(ann, 11)) << "the oldest in the window";
}

TEST(ReplayGuard, AJumpFarAheadEmptiesTheWindow) {
  replay_guard guard{4};
  EXPECT_TRUE(guard.admit(ann, 1));
  EXPECT_TRUE(guard.admit(ann, UINT64_MAX));
  EXPECT_FALSE(guard.admit(ann, UINT64_MAX));
  EXPECT_TRUE(guard.admit(ann, UINT64_MAX - 1));
  EXPECT_FALSE(guard.admit(ann, 2));
}

TEST(ReplayGuard, AgreesWithASetOfAllThatPassed) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random{seed};
    const auto below = [&random](std::uint64_t n) { return random() % n; };
    replay_guard guard{1};
    std::set<std::uint64_t> passed;
    std::uint64_t newest = 0;
    for (int i = 0; i < 5000; ++i) {
      const auto around = newest + below(40);
      const auto counter = below(100) < 5    ? newest + below(3000)
                           : below(100) < 30 ? around - std::min<std::uint64_t>(around, 1500)
                                             : around;
      const bool is_old = !passed.empty() && counter + replay_guard::width <= newest;
      newest = std::max(newest, counter);
      ASSERT_EQ(guard.admit(ann, counter), !is_old && passed.insert(counter).second)
          << "seed " << seed << ", packet " << i << ", counter " << counter;
    }
  }
}

TEST(ReplayGuard, ForgetsTheSessionThatWasSilentLongest) {
  replay_guard guard{2};
  EXPECT_TRUE(guard.admit(ann, 1));
  EXPECT_TRUE(guard.admit(bob, 1));
  EXPECT_TRUE(guard.admit(ann, 2));

  EXPECT_TRUE(guard.admit({3}, 1));

  EXPECT_EQ(guard.sessions(), 2u);
  EXPECT_FALSE(guard.admit(ann, 1)) << "ann is remembered";
}

} // namespace

} // namespace starling::wire
