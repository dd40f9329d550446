#include "crdt/few.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace starling::crdt {
namespace {

std::vector<int> all(const few<int>& list) {
  return {list.begin(), list.end()};
}

TEST(Few, DoesWhatAVectorDoes) {
  std::mt19937 random{1};
  for (int run = 0; run < 100; ++run) {
    few<int> list;
    std::vector<int> same;
    for (int step = 0; step < 100; ++step) {
      const auto at = static_cast<std::ptrdiff_t>(random() % (same.size() + 1));
      if (random() % 2 == 0) {
        EXPECT_EQ(list.insert(list.begin() + at, step) - list.begin(), at);
        same.insert(same.begin() + at, step);
      } else if (at < static_cast<std::ptrdiff_t>(same.size())) {
        EXPECT_EQ(list.erase(list.begin() + at) - list.begin(), at);
        same.erase(same.begin() + at);
      }
      ASSERT_EQ(all(list), same) << "run " << run << ", step " << step;
      ASSERT_EQ(list.size(), same.size());
      ASSERT_EQ(list.empty(), same.empty());
    }
  }
}

TEST(Few, CopiesAndMovesOneElementAndSeveral) {
  for (const few<int>& list : {few<int>{}, few<int>{1}, few<int>{1, 2, 3}}) {
    few<int> copy = list;
    EXPECT_EQ(copy, list);
    copy.push_back(4);
    EXPECT_NE(copy, list);
    copy = list;
    EXPECT_EQ(copy, list);
    few<int> moved = std::move(copy);
    EXPECT_EQ(moved, list);
    copy = few<int>{};
    EXPECT_TRUE(copy.empty());
    copy.push_back(5);
    EXPECT_EQ(copy, few<int>{5});
    moved = std::move(copy);
    EXPECT_EQ(moved, few<int>{5});
  }
}

TEST(Few, TakesOneOfItsOwn) {
  few<int> list{1};
  for (int i = 0; i < 5; ++i)
    list.insert(list.begin(), list.back());
  EXPECT_EQ(list, (few<int>{1, 1, 1, 1, 1, 1}));
}

} // namespace
} // namespace starling::crdt
