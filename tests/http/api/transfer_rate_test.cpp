#include "http/api/transfer_rate.hpp"

#include <gtest/gtest.h>

namespace starling::http {
namespace {

using namespace std::chrono_literals;

const transfer_rate::clock::time_point start{1000s};

TEST(Pace, EndsWhenNothingMoves) {
  transfer_rate transfer{start, 10s};
  EXPECT_EQ(transfer.deadline(), start + 10s);

  transfer.move(start + 9s, 1'000'000);
  EXPECT_EQ(transfer.deadline(), start + 19s);
  transfer.move(start + 18s, 0);
  EXPECT_EQ(transfer.deadline(), start + 19s);
}

TEST(Pace, LetsASteadyTransferTakeAsLongAsItsSizeNeeds) {
  transfer_rate transfer{start, 10s};
  auto now = start;
  for (int i = 0; i < 1000; ++i) {
    now += 1s;
    ASSERT_LT(now, transfer.deadline()) << i;
    transfer.move(now, transfer_rate::least_rate);
  }
}

TEST(Pace, EndsATransferThatMovesTooSlowly) {
  transfer_rate transfer{start, 10s};
  auto now = start;
  while (now < transfer.deadline()) { // a byte each second
    now += 1s;
    transfer.move(now, 1);
  }
  EXPECT_LE(now, start + 11s);
}

} // namespace
} // namespace starling::http
