#include "system/wall_clock.hpp"

#include <gmock/gmock.h>

namespace starling::system {
namespace {

using namespace std::chrono;

TEST(WallClock, MayShowAnyTimeSince1970) {
  for (const auto& time : {sys_seconds{}, sys_seconds{1s}, sys_seconds{sys_days{2100y / 1 / 1}}})
    EXPECT_EQ(complaint_about_clock(time), std::nullopt);
  EXPECT_EQ(complaint_about_clock(system_clock::now()), std::nullopt);
}

TEST(WallClock, MayNotShowATimeBefore1970) {
  EXPECT_THAT(complaint_about_clock(sys_seconds{-1s}).value_or(""),
              testing::HasSubstr("shows 1969-12-31, a day before 1970"));
  EXPECT_THAT(complaint_about_clock(sys_days{1901y / 3 / 9}).value_or(""),
              testing::HasSubstr("1901-03-09"));
}

} // namespace
} // namespace starling::system
