#include "node/waiting_line.hpp"

#include <gtest/gtest.h>

namespace starling::node {
namespace {

const crdt::key fruits{crdt::type::set, "fruits"};
const crdt::key colours{crdt::type::set, "colours"};

TEST(WaitingLine, HasSoMuchRoomForEachKey) {
  waiting_line line{100};
  EXPECT_TRUE(line.enter(fruits, 60));
  EXPECT_TRUE(line.enter(fruits, 40));
  EXPECT_FALSE(line.enter(fruits, 1));
  EXPECT_TRUE(line.enter(colours, 100));

  line.leave(fruits, 60);
  EXPECT_TRUE(line.enter(fruits, 60));
}

TEST(WaitingLine, HasRoomForOneHoweverLarge) {
  waiting_line line{100};
  EXPECT_TRUE(line.enter(fruits, 1000));
  EXPECT_FALSE(line.enter(fruits, 1));
  line.leave(fruits, 1000);
  EXPECT_TRUE(line.enter(fruits, 1));
  EXPECT_FALSE(line.enter(fruits, 1000));
}

TEST(WaitingLine, ForgetsKeysForWhichNothingWaits) {
  waiting_line line{100};
  EXPECT_TRUE(line.enter(fruits, 60));
  EXPECT_FALSE(line.enter(fruits, 60));
  EXPECT_TRUE(line.enter(colours, 1));
  EXPECT_EQ(line.keys(), 2u);
  line.leave(fruits, 60);
  line.leave(colours, 1);
  EXPECT_EQ(line.keys(), 0u);
}

} // namespace
} // namespace starling::node
