#include "membership/relays.hpp"

#include <gtest/gtest.h>

namespace starling::membership {
namespace {

using namespace std::chrono_literals;

const auto target = node_id::from(7, 0);
const auto asker = udp_address::v4(10, 0, 0, 1, 9080);

/// Our ping `number`, for somebody who waits 600 ms for it.
relays::request asked(std::uint64_t number) {
  return {.number = number,
          .target = target,
          .asker = asker,
          .asked_number = 1000 + number,
          .budget = 600ms,
          .margin = 100ms};
}

TEST(Relays, PassAnAckOnUnderTheNumberOfTheOneWhoAsked) {
  relays r{4};
  r.begin(asked(1), 0s);
  r.begin(asked(2), 0s);
  const auto passed = r.acknowledged(2, target, 10ms);
  ASSERT_TRUE(passed);
  EXPECT_EQ(passed->to, asker);
  EXPECT_EQ(passed->number, 1002u);
}

TEST(Relays, IgnoreAcksOfOthersAndOfOtherPings) {
  relays r{4};
  r.begin(asked(1), 0s);
  EXPECT_FALSE(r.acknowledged(1, node_id::from(8, 0), 10ms));
  EXPECT_FALSE(r.acknowledged(2, target, 10ms));
}

TEST(Relays, SayNoOnceAndInTime) {
  relays r{4};
  EXPECT_EQ(r.next_due(), std::nullopt);
  r.begin(asked(1), 1s);
  EXPECT_EQ(r.next_due(), 1500ms);
  EXPECT_TRUE(r.nacks_due(1499ms).empty());
  const auto nacks = r.nacks_due(1500ms);
  ASSERT_EQ(nacks.size(), 1u);
  EXPECT_EQ(nacks[0].to, asker);
  EXPECT_EQ(nacks[0].number, 1001u);
  EXPECT_TRUE(r.nacks_due(1600ms).empty());
}

TEST(Relays, PassAnAckOnThatComesAfterTheNack) {
  relays r{1};
  r.begin(asked(1), 0s);
  EXPECT_EQ(r.nacks_due(500ms).size(), 1u);
  EXPECT_EQ(r.next_due(), 1200ms) << "the second budget";
  EXPECT_TRUE(r.acknowledged(1, target, 1100ms));
}

TEST(Relays, AreForgottenOnceAnsweredOrOver) {
  relays r{2};
  r.begin(asked(1), 0s);
  r.begin(asked(2), 0s);
  EXPECT_TRUE(r.is_full());
  EXPECT_TRUE(r.acknowledged(1, target, 10ms));
  EXPECT_TRUE(r.nacks_due(10ms).empty()) << "one that was acknowledged gets no nack";
  EXPECT_FALSE(r.is_full());
  r.nacks_due(500ms);
  r.nacks_due(1200ms);
  EXPECT_EQ(r.next_due(), std::nullopt);
  EXPECT_FALSE(r.acknowledged(2, target, 1201ms));
}

TEST(Relays, GetTheTimeBackInWhichThisProcessDidNotRun) {
  relays r{2};
  r.begin(asked(1), 0s);
  r.begin(asked(2), 10s); // handed over after the stall
  r.absorb({400ms, 9600ms});
  EXPECT_TRUE(r.nacks_due(10s).empty());
  EXPECT_EQ(r.nacks_due(10'100ms).size(), 1u);
  EXPECT_EQ(r.nacks_due(10'500ms).size(), 1u);
}

} // namespace
} // namespace starling::membership
