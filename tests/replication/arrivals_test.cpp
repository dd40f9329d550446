#include "replication/arrivals.hpp"

#include <gtest/gtest.h>

namespace starling::replication {
namespace {

constexpr session_id bob{2};
constexpr session_id eve{3};

TEST(Arrivals, AreOneOfEachSenderAtATime) {
  arrivals a{100};
  a.begin(bob, 10);

  EXPECT_TRUE(a.is_joining(bob));
  EXPECT_FALSE(a.may_begin(bob, 10));
  EXPECT_TRUE(a.may_begin(eve, 10));
  a.end(bob);
  EXPECT_TRUE(a.may_begin(bob, 10));
}

TEST(Arrivals, TakeNoMoreBytesThanTheyMay) {
  arrivals a{100};
  a.begin(bob, 60);

  EXPECT_TRUE(a.may_begin(eve, 40));
  EXPECT_FALSE(a.may_begin(eve, 41));
  a.end(bob);
  EXPECT_EQ(a.bytes(), 0u);
  EXPECT_TRUE(a.may_begin(eve, 41));
}

TEST(Arrivals, AreAloneIfTheyAreLargerThanAllMayBe) {
  arrivals a{100};
  EXPECT_TRUE(a.may_begin(bob, 1000));
  a.begin(bob, 1000);
  EXPECT_FALSE(a.may_begin(eve, 1));
  a.end(bob);

  a.begin(eve, 1);
  EXPECT_FALSE(a.may_begin(bob, 1000));
}

TEST(Arrivals, EndOnce) {
  arrivals a{100};
  a.begin(bob, 10);
  a.end(eve);
  EXPECT_EQ(a.bytes(), 10u);
  a.end(bob);
  a.end(bob);
  EXPECT_EQ(a.bytes(), 0u);
}

} // namespace
} // namespace starling::replication
