#include "node/waiting_line.hpp"

#include <gtest/gtest.h>

namespace starling::node {
namespace {

const crdt::key fruits{crdt::type::set, "fruits"};
const crdt::key colours{crdt::type::set, "colours"};

TEST(WaitingLine, HasSoMuchRoomForEachKey) {
  waiting_line line{100};
  const auto first = line.enter(fruits, 60);
  EXPECT_TRUE(first);
  EXPECT_TRUE(line.enter(fruits, 40));
  EXPECT_FALSE(line.enter(fruits, 1));
  EXPECT_TRUE(line.enter(colours, 100));

  line.leave(*first);
  EXPECT_TRUE(line.enter(fruits, 60));
}

TEST(WaitingLine, HasRoomForOneHoweverLarge) {
  waiting_line line{100};
  const auto large = line.enter(fruits, 1000);
  EXPECT_TRUE(large);
  EXPECT_FALSE(line.enter(fruits, 1));
  line.leave(*large);
  EXPECT_TRUE(line.enter(fruits, 1));
  EXPECT_FALSE(line.enter(fruits, 1000));
}

TEST(WaitingLine, ForgetsKeysForWhichNothingWaits) {
  waiting_line line{100};
  const auto first = line.enter(fruits, 60);
  EXPECT_FALSE(line.enter(fruits, 60));
  const auto second = line.enter(colours, 1);
  EXPECT_EQ(line.keys(), 2u);
  line.leave(*first);
  line.leave(*second);
  EXPECT_EQ(line.keys(), 0u);
}

} // namespace
} // namespace starling::node
