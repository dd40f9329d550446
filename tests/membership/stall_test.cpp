#include "membership/stall.hpp"

#include <gtest/gtest.h>

namespace starling::membership {
namespace {

using namespace std::chrono_literals;

TEST(StallWatch, FindsOnlyTicksThatAreLateByMoreThanTheTolerance) {
  stall_watch watch{250ms};
  EXPECT_FALSE(watch.end(100s)) << "no tick was expected";
  watch.expect(100s, 101s);
  EXPECT_FALSE(watch.is_overdue(101s + 250ms));
  EXPECT_FALSE(watch.end(101s + 250ms));
  EXPECT_TRUE(watch.is_overdue(101s + 251ms));
}

TEST(StallWatch, SaysWhenTheProcessWantedToRunAndHowLateItDid) {
  stall_watch watch{250ms};
  watch.expect(1s, 2s);
  const auto ended = watch.end(5s);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->due, 2s);
  EXPECT_EQ(ended->late, 3s);
  EXPECT_FALSE(watch.end(5s)) << "it has ended";
}

TEST(StallWatch, APacketThatIsHandledBeforeALateTickDoesNotHideTheStall) {
  stall_watch watch{250ms};
  watch.expect(1s, 2s);
  watch.expect(5s, 6s); // the packet
  const auto ended = watch.end(5s);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->due, 2s);
}

TEST(StallWatch, ExpectsNoTickInThePast) {
  stall_watch watch{250ms};
  watch.expect(5s, 1s);
  EXPECT_FALSE(watch.is_overdue(5s + 100ms)) << "what is due at once is due now";
}

TEST(Stall, ConcernsWhatBeganBeforeTheProcessWantedToRun) {
  const stall s{2s, 3s};
  EXPECT_TRUE(s.concerns(1s));
  EXPECT_TRUE(s.concerns(2s));
  EXPECT_FALSE(s.concerns(5s)) << "a packet that was handed over after the stall began it";
}

} // namespace
} // namespace starling::membership
