#include "membership/paths.hpp"

#include <gtest/gtest.h>

namespace starling::membership {
namespace {

using namespace std::chrono_literals;

constexpr paths::timing timing{.misses = 6, .patience = 10s};

TEST(Paths, DatagramsAreBlockedIfTheMemberLivesAndManyPingsInARowAreNotAnswered) {
  paths p;
  for (int i = 0; i < 5; ++i)
    p.ping_missed();
  EXPECT_FALSE(p.lives_otherwise(timing));
  p.ping_missed();
  EXPECT_FALSE(p.are_datagrams_blocked()) << "it may be dead";
  EXPECT_TRUE(p.lives_otherwise(timing));
  EXPECT_FALSE(p.lives_otherwise(timing)) << "no news";
  EXPECT_TRUE(p.are_datagrams_blocked());
  EXPECT_TRUE(p.datagram_answered());
  EXPECT_FALSE(p.datagram_answered()) << "no news";
  EXPECT_FALSE(p.are_datagrams_blocked());
}

TEST(Paths, OneAnswerToAPingEndsTheRow) {
  paths p;
  for (int i = 0; i < 5; ++i)
    p.ping_missed();
  p.datagram_answered();
  EXPECT_EQ(p.ping_misses(), 0u);
  p.ping_missed();
  EXPECT_FALSE(p.lives_otherwise(timing));
}

TEST(Paths, CallsAreBlockedIfDatagramsAreNotAndTheyFailForLong) {
  paths p;
  EXPECT_FALSE(p.calls_fail(timing, 100s)) << "none was made";
  p.call_missed(100s);
  EXPECT_FALSE(p.calls_fail(timing, 200s)) << "one may be lost";
  p.call_missed(105s);
  EXPECT_FALSE(p.calls_fail(timing, 110s - 1us));
  EXPECT_TRUE(p.calls_fail(timing, 110s)) << "since the first of them";
  EXPECT_FALSE(p.calls_fail(timing, 120s)) << "no news";
  EXPECT_TRUE(p.are_calls_blocked());
  EXPECT_TRUE(p.call_answered());
  EXPECT_FALSE(p.call_answered()) << "no news";
  EXPECT_FALSE(p.calls_fail(timing, 200s));
}

TEST(Paths, TheMemberSaysWhetherItsOwnCallsFail) {
  paths p;
  EXPECT_FALSE(p.own_calls_fail(false));
  EXPECT_TRUE(p.own_calls_fail(true));
  EXPECT_FALSE(p.own_calls_fail(true));
  EXPECT_TRUE(p.are_own_calls_blocked());
  EXPECT_TRUE(p.own_calls_fail(false));
}

} // namespace
} // namespace starling::membership
