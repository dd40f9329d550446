#include "membership/farewell.hpp"

#include <gtest/gtest.h>

namespace starling::membership {
namespace {

using namespace std::chrono_literals;

const auto ann = node_id::from(1, 0);
const auto bob = node_id::from(2, 0);
const farewell::timing timing{.timeout = 3s, .interval = 200ms};

farewell to_both() {
  return {{{ann, udp_address::v4(10, 0, 0, 1, 9080)}, {bob, udp_address::v4(10, 0, 0, 2, 9080)}},
          17,
          timing,
          10s};
}

TEST(Farewell, IsSaidAgainAndAgainToThoseWhoSayNothing) {
  auto f = to_both();
  EXPECT_EQ(f.number(), 17u);
  EXPECT_EQ(f.next_due(), 10s) << "at once";
  EXPECT_EQ(f.due(10s).size(), 2u);
  EXPECT_EQ(f.next_due(), 10'200ms);
  EXPECT_TRUE(f.due(10'199ms).empty());
  f.acknowledge(ann);
  const auto left = f.due(10'200ms);
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].peer, bob);
  EXPECT_EQ(left[0].where, udp_address::v4(10, 0, 0, 2, 9080));
}

TEST(Farewell, EndsOnceAllKnow) {
  auto f = to_both();
  f.acknowledge(ann);
  f.acknowledge(ann);
  EXPECT_FALSE(f.ends(10s)) << "one of them twice is not two";
  f.acknowledge(bob);
  EXPECT_TRUE(f.ends(10s));
  EXPECT_FALSE(f.ends(10s)) << "once";
  EXPECT_EQ(f.acknowledged(), 2u);
  EXPECT_TRUE(f.due(11s).empty());
  EXPECT_EQ(f.next_due(), std::nullopt);
}

TEST(Farewell, EndsWhenItsTimeIsOver) {
  auto f = to_both();
  f.acknowledge(bob);
  f.acknowledge(node_id::from(3, 0)); // whom nobody told
  EXPECT_FALSE(f.ends(13s - 1us));
  EXPECT_TRUE(f.ends(13s));
  EXPECT_EQ(f.acknowledged(), 1u);
}

TEST(Farewell, OfANodeThatIsAloneEndsAtOnce) {
  farewell f{{}, 17, timing, 10s};
  EXPECT_TRUE(f.ends(10s));
}

} // namespace
} // namespace starling::membership
