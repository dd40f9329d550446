#include "replication/joint_tree.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>

namespace starling::replication {
namespace {

TEST(JointTree, IsAsOneTreeOfAllEntries) {
  std::mt19937_64 random{1};
  hash_tree a;
  hash_tree b;
  hash_tree both;
  for (int i = 0; i < 300; ++i) {
    const auto name = "key " + std::to_string(i);
    const auto position = random();
    const digest d{random(), random()};
    (i % 3 == 0 ? a : b).set(position, name, d);
    both.set(position, name, d);
  }
  joint_tree joint{a};
  joint.add(b);

  EXPECT_EQ(joint.root(), both.root());
  EXPECT_EQ(joint.size(), both.size());
  for (unsigned depth = 0; depth <= 6; ++depth)
    for (std::uint64_t prefix = 0; prefix < 1u << depth; ++prefix) {
      EXPECT_EQ(joint.of({depth, prefix}), both.of({depth, prefix}));
      std::set<std::string> seen;
      std::set<std::string> wanted;
      joint.visit({depth, prefix}, [&](const auto& e) { seen.insert(e.name); });
      both.visit({depth, prefix}, [&](const auto& e) { wanted.insert(e.name); });
      EXPECT_EQ(seen, wanted);
    }
  both.visit({}, [&](const auto& e) { EXPECT_EQ(joint.find(e.position, e.name), e.digest); });
  EXPECT_EQ(joint.find(7, "no such key"), digest{});
}

TEST(JointTree, OfNothingIsEmpty) {
  EXPECT_EQ(joint_tree{}.root(), digest{});
  EXPECT_EQ(joint_tree{}.size(), 0u);
}

} // namespace
} // namespace starling::replication
