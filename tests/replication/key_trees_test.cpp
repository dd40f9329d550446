#include "replication/key_trees.hpp"

#include <gtest/gtest.h>

namespace starling::replication {
namespace {

TEST(KeyTrees, OfSomeTypesHaveTheKeysOfThoseTypes) {
  key_trees trees;
  trees.of(crdt::type::counter).set(1, "a counter", {0, 1});
  trees.of(crdt::type::set).set(1, "a set", {0, 2});

  EXPECT_EQ(trees.all().root(), (digest{0, 3}));
  type_set types;
  EXPECT_EQ(trees.of(types).root(), digest{});
  types.insert(crdt::type::set);
  types.insert(static_cast<crdt::type>(255)); // of somebody who knows more
  EXPECT_EQ(trees.of(types).root(), (digest{0, 2}));
}

TEST(KeyTrees, KnowWhetherThereIsAKeyOfAnotherType) {
  key_trees trees;
  type_set types;
  EXPECT_TRUE(trees.are_within(types));
  trees.of(crdt::type::set).set(1, "a set", {0, 2});
  EXPECT_FALSE(trees.are_within(types));
  types.insert(crdt::type::set);
  EXPECT_TRUE(trees.are_within(types));
}

} // namespace
} // namespace starling::replication
