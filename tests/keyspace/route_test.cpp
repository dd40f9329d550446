#include "keyspace/route.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

namespace starling::keyspace {
namespace {

TEST(Route, GivesAPartitionToOneShard) {
  std::map<crdt::partition, std::set<std::size_t>> shards;
  for (int i = 0; i < 20'000; ++i)
    for (const auto type : crdt::types::ids) {
      const crdt::key key{type, "key " + std::to_string(i)};
      shards[partition_of(key)].insert(route(key, 7));
    }
  ASSERT_GT(shards.size(), 4000u);
  std::set<std::size_t> all;
  for (const auto& [partition, some] : shards) {
    EXPECT_EQ(some, std::set{static_cast<std::size_t>(partition) % 7});
    all.merge(std::set{some});
  }
  EXPECT_EQ(all.size(), 7u);
}

TEST(Route, GoesByTheNameAlone) {
  EXPECT_EQ(partition_of({crdt::type::counter, "foo"}), crdt::partition{12182 / 4});
  EXPECT_EQ(partition_of({crdt::type::set, "x{foo}"}), crdt::partition{12182 / 4});
}

} // namespace
} // namespace starling::keyspace
