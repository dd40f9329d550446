#include "actors/key_table.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace starling::actors {
namespace {

using entries = std::map<crdt::key, int>;

crdt::key named(const std::string& name) {
  return {crdt::type::counter, name};
}

TEST(KeyTable, FindsWhatIsInIt) {
  std::mt19937 random{1};
  entries all;
  key_table<entries::value_type, key_hash> table;
  for (int step = 0; step < 20'000; ++step) {
    const auto key = named(std::to_string(random() % 2'000));
    const auto found = all.find(key);
    ASSERT_EQ(table.find(key), found == all.end() ? nullptr : &*found) << "step " << step;
    if (found == all.end()) {
      table.insert(*all.emplace(key, step).first);
    } else if (random() % 2 == 0) {
      table.erase(*found);
      all.erase(found);
    }
    ASSERT_EQ(table.size(), all.size());
  }
}

TEST(KeyTable, TellsTypesApart) {
  entries all{{{crdt::type::counter, "x"}, 1}, {{crdt::type::set, "x"}, 2}};
  key_table<entries::value_type, key_hash> table;
  for (auto& one : all)
    table.insert(one);
  EXPECT_EQ(table.find({crdt::type::set, "x"})->second, 2);
}

/// As of names that somebody chose for that.
struct one_hash {
  std::uint64_t operator()(const crdt::key&) const { return 7; }
};

TEST(KeyTable, LeavesOutWhatWouldStandFarFromItsPlace) {
  entries all;
  key_table<entries::value_type, one_hash> table;
  for (int i = 0; i < 1'000; ++i)
    table.insert(*all.emplace(named(std::to_string(i)), i).first);
  EXPECT_GT(table.size(), 0u);
  EXPECT_LT(table.size(), 100u) << "so that nobody is searched for among a thousand";
  std::size_t found = 0;
  for (auto& one : all)
    if (const auto* there = table.find(one.first)) {
      EXPECT_EQ(there, &one);
      ++found;
    }
  EXPECT_EQ(found, table.size());
  for (auto& one : all)
    table.erase(one);
  EXPECT_EQ(table.size(), 0u);
}

} // namespace
} // namespace starling::actors
