#include "node/waiting_line.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

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

TEST(WaitingLine, CountsForEachOfManyKeysThatComeAndGo) {
  waiting_line line{100};
  const auto key_of = [](int number) {
    return crdt::key{crdt::type::counter, "key" + std::to_string(number)};
  };
  std::map<int, std::vector<waiting_line::place>> waiting;
  std::minstd_rand random{1};
  for (int i = 0; i < 20'000; ++i) {
    const auto number = static_cast<int>(random() % 500);
    auto& own = waiting[number];
    if (random() % 3 == 0 && !own.empty()) {
      line.leave(own.back());
      own.pop_back();
    } else {
      const auto entered = line.enter(key_of(number), 40);
      ASSERT_EQ(entered.has_value(), own.size() < 2) << i;
      if (entered)
        own.push_back(*entered);
    }
  }
  for (const auto& [number, own] : waiting)
    for (const auto& place : own)
      line.leave(place);
  EXPECT_EQ(line.keys(), 0u);
}

} // namespace
} // namespace starling::node
