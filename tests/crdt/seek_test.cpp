#include "crdt/seek.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace starling::crdt {
namespace {

TEST(Seek, FindsWhatLowerBoundFindsFromWherever) {
  const std::set<int> odd{1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21};
  std::map<int, char> same;
  for (const auto x : odd)
    same.emplace(x, 'x');

  for (auto near = odd.begin();; ++near) {
    const auto near_in_map = near == odd.end() ? same.end() : same.find(*near);
    for (int name = 0; name <= 22; ++name) {
      EXPECT_EQ(seek(odd, near, name), odd.lower_bound(name)) << name;
      EXPECT_EQ(seek(same, near_in_map, name), same.lower_bound(name)) << name;
    }
    if (near == odd.end())
      break;
  }
}

TEST(Seek, FindsTheEndOfNothing) {
  const std::set<int> none;
  EXPECT_EQ(seek(none, none.begin(), 1), none.end());
}

} // namespace
} // namespace starling::crdt
