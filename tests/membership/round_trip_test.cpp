#include "membership/round_trip.hpp"

#include <gtest/gtest.h>

namespace starling::membership {
namespace {

using namespace std::chrono_literals;

TEST(RoundTrip, IsUnknownWithoutAnAnswer) {
  const round_trip r;
  EXPECT_EQ(r.average(), std::nullopt);
  EXPECT_EQ(r.timeout(1ms, 1s), std::nullopt);
}

TEST(RoundTrip, BeginsWithTheFirstAnswer) {
  round_trip r;
  r.sample(20ms);
  EXPECT_EQ(r.average(), 20ms);
  EXPECT_EQ(r.timeout(1ms, 1s), 60ms) << "the average, and four times a variation of half of it";
}

TEST(RoundTrip, MovesByAnEighthAndTheVariationByAQuarter) {
  round_trip r;
  r.sample(80ms);
  r.sample(160ms);
  EXPECT_EQ(r.average(), 90ms);
  EXPECT_EQ(r.timeout(1ms, 1s), 90ms + 4 * 50ms);
  r.sample(10ms);
  EXPECT_EQ(r.average(), 80ms) << "shorter ones count as much";
}

TEST(RoundTrip, TheTimeoutKeepsItsBounds) {
  round_trip r;
  r.sample(20ms);
  EXPECT_EQ(r.timeout(400ms, 450ms), 400ms);
  r.sample(10s);
  EXPECT_EQ(r.timeout(400ms, 450ms), 450ms);
}

} // namespace
} // namespace starling::membership
