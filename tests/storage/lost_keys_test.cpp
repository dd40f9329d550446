#include "storage/layout.hpp"
#include "storage/lost_keys.hpp"
#include "storage/memory_store.hpp"

#include <gtest/gtest.h>

namespace starling::storage {
namespace {

crdt::key counter(std::string name) {
  return {crdt::type::counter, std::move(name)};
}

std::string listed(const std::string& name) {
  return listed_name(counter(name));
}

TEST(LostKeys, AreThoseThatWereAdded) {
  lost_keys lost;
  EXPECT_TRUE(lost.empty());
  EXPECT_FALSE(lost.contains(counter("a")));

  lost.add(counter("b"));
  lost.add(listed("d"), listed("f"));
  for (const auto* name : {"b", "d", "e", "ezzz"})
    EXPECT_TRUE(lost.contains(counter(name))) << name;
  for (const auto* name : {"a", "b ", "c", "f", "g"})
    EXPECT_FALSE(lost.contains(counter(name))) << name;
  EXPECT_FALSE(lost.contains({crdt::type::set, "b"}));
}

TEST(LostKeys, JoinRangesThatTouch) {
  using ranges = std::map<std::string, std::string, std::less<>>;
  lost_keys lost;
  lost.add("b", "d");
  lost.add("f", "h");
  lost.add("a", "b");
  EXPECT_EQ(lost.ranges(), (ranges{{"a", "d"}, {"f", "h"}}));
  lost.add("c", "g");
  EXPECT_EQ(lost.ranges(), (ranges{{"a", "h"}}));
  lost.add("b", "c");
  EXPECT_EQ(lost.ranges(), (ranges{{"a", "h"}}));
  lost.add("", "x");
  EXPECT_EQ(lost.ranges(), (ranges{{"", "x"}}));
}

TEST(LostKeys, TouchTheRangesThatTheyStandIn) {
  lost_keys lost;
  EXPECT_FALSE(lost.touch("a", "z"));
  lost.add("d", "f");
  lost.add("k", "l");
  for (const auto& [first, end] :
       {std::pair{"a", "z"}, {"a", "e"}, {"e", "ee"}, {"e", "g"}, {"g", "kk"}, {"d", "f"}})
    EXPECT_TRUE(lost.touch(first, end)) << first << ' ' << end;
  for (const auto& [first, end] :
       {std::pair{"a", "d"}, {"f", "k"}, {"g", "h"}, {"l", "z"}, {"e", "e"}, {"z", "a"}})
    EXPECT_FALSE(lost.touch(first, end)) << first << ' ' << end;
}

TEST(LostKeys, AreKeptUntilTheyAreForgotten) {
  memory_store rows;
  lost_keys lost;
  lost.add(counter("b"));
  lost.add(listed("d"), listed("f"));
  batch noted;
  noted.put(node_row("beside"), "");
  put(noted, lost);
  ASSERT_FALSE(rows.commit({noted}, true));

  const auto read = read_lost_keys(*rows.now());
  ASSERT_TRUE(std::holds_alternative<lost_keys>(read));
  EXPECT_EQ(std::get<lost_keys>(read), lost);

  EXPECT_FALSE(forget_lost_keys(rows));
  EXPECT_TRUE(std::get<lost_keys>(read_lost_keys(*rows.now())).empty());
  EXPECT_EQ(rows.contents().size(), 1u) << "and nothing else";
}

} // namespace
} // namespace starling::storage
