#include "tests/crdt/dvvset.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace starling::crdt {
namespace {

using strings = std::vector<std::string>;
using string_clock = dvvset<std::string, std::string>;

string_clock written(const string_clock& server, const std::string& id, const std::string& value,
                     const string_clock::version_vector& seen = {}) {
  return *string_clock::update(string_clock::of(seen, value), server, id);
}

TEST(Dvvset, WriteReplacesWhatItsWriterHasSeen) {
  const auto first = written({}, "a", "one");
  const auto second = written(first, "b", "two", first.join());

  EXPECT_EQ(second.values(), strings{"two"});
  EXPECT_EQ(second.join(), (string_clock::version_vector{{"a", 1}, {"b", 1}}));
  EXPECT_TRUE(string_clock::less(first, second));
}

TEST(Dvvset, ConcurrentWritesThroughOneServerStaySiblings) {
  const auto first = written({}, "a", "one");
  const auto second = written(first, "a", "two");
  EXPECT_EQ(second, (string_clock{{{"a", {2, {"two", "one"}}}}, {}}));

  const auto third = written(second, "a", "three", first.join());
  EXPECT_EQ(third, (string_clock{{{"a", {3, {"three", "two"}}}}, {}}));
}

TEST(Dvvset, SyncKeepsConcurrentValuesAndDropsReplacedOnes) {
  const auto base = written({}, "a", "one");
  const auto left = written(base, "a", "left", base.join());
  const auto right = written(base, "b", "right", base.join());

  const auto both = string_clock::sync(left, right);
  EXPECT_EQ(both.values(), (strings{"left", "right"}));
  EXPECT_EQ(both, string_clock::sync(right, left));
  EXPECT_EQ(string_clock::sync(both, base), both);
}

TEST(Dvvset, AnswersNothingWhereThereIsNoAnswer) {
  EXPECT_FALSE(string_clock::sync(std::vector<string_clock>{}));
  EXPECT_FALSE(string_clock::update(string_clock::of_list({}), "a"));
  EXPECT_FALSE(string_clock::update(string_clock::of_list({"x", "y"}), string_clock{}, "a"));
  EXPECT_FALSE(string_clock{}.last(std::less_equal<>{}));
  EXPECT_FALSE(string_clock{}.lww(std::less_equal<>{}));
}

TEST(Dvvset, NewerClockKeepsItsAnonymousValuesOnly) {
  const auto older = string_clock::of("x");
  const auto newer = string_clock::of({{"a", 1}}, "y");
  EXPECT_EQ(string_clock::sync(older, newer), newer);
  EXPECT_EQ(string_clock::sync(newer, older), newer);
  EXPECT_EQ(string_clock::sync(older, string_clock::of("y")).anonymous(), (strings{"x", "y"}));
}

TEST(Dvvset, LastWriteWinsAmongNewestValues) {
  const string_clock x{{{"a", {4, {"5", "9"}}}, {"b", {1, {}}}, {"c", {1, {"3"}}}}, {}};
  EXPECT_EQ(x.last(std::less_equal<>{}), "5");
  EXPECT_EQ(x.lww(std::less_equal<>{}),
            (string_clock{{{"a", {4, {"5"}}}, {"b", {1, {}}}, {"c", {1, {}}}}, {}}));
}

TEST(Dvvset, ReconcileMakesOneValueOfAll) {
  const string_clock x{{{"a", {4, {"5", "9"}}}, {"c", {1, {"3"}}}}, {"0"}};
  const auto count = [](const strings& values) { return std::to_string(values.size()); };
  EXPECT_EQ(x.size(), 4u);
  EXPECT_EQ(x.ids(), (strings{"a", "c"}));
  EXPECT_EQ(x.reconcile(count), string_clock::of({{"a", 4}, {"c", 1}}, "4"));
}

TEST(Dvvset, MapChangesEveryValue) {
  const string_clock x{{{"a", {2, {"y", "x"}}}}, {"z"}};
  const auto loud = x.map([](const std::string& value) { return value + "!"; });
  EXPECT_EQ(loud, (string_clock{{{"a", {2, {"y!", "x!"}}}}, {"z!"}}));
  EXPECT_TRUE(string_clock::equal(x, loud));
}

} // namespace
} // namespace starling::crdt
