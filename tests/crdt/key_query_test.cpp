#include "crdt/key_query.hpp"

#include <gmock/gmock.h>

namespace starling::crdt {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using ranges = std::vector<key_range>;

const auto counter = type::counter;
const auto register_ = type::register_;
const auto set = type::set;

/// The ranges of some types and of all types behind them.
ranges and_all_behind(ranges result) {
  for (const auto id : types::ids)
    if (id > result.back().first.type)
      result.push_back({{id, result.back().prefix}, result.back().prefix});
  return result;
}

TEST(KeyQuery, GoesThroughAllTypesInOrder) {
  EXPECT_EQ(ranges_of({}), and_all_behind({{{counter, ""}, ""}}));
}

TEST(KeyQuery, BeginsEachTypeWithThePrefix) {
  EXPECT_EQ(ranges_of({.prefix = "a"}), and_all_behind({{{counter, "a"}, "a"}}));
  EXPECT_EQ(ranges_of({.type = register_, .prefix = "a"}), (ranges{{{register_, "a"}, "a"}}));
}

TEST(KeyQuery, GoesOnRightBehindAKey) {
  using namespace std::string_literals;
  EXPECT_EQ(ranges_of({.after = key{register_, "x"}}), and_all_behind({{{register_, "x\0"s}, ""}}));
  EXPECT_EQ(ranges_of({.type = set, .after = key{set, "x"}}), (ranges{{{set, "x\0"s}, ""}}));
}

TEST(KeyQuery, GoesOnBehindAKeyOfAnotherType) {
  EXPECT_EQ(ranges_of({.type = set, .after = key{counter, "x"}}), (ranges{{{set, ""}, ""}}));
  EXPECT_THAT(ranges_of({.type = counter, .after = key{set, "x"}}), IsEmpty());
}

TEST(KeyQuery, NeitherGoesBackBeforeThePrefixNorBeyondIt) {
  EXPECT_EQ(ranges_of({.type = set, .prefix = "p", .after = key{set, "a"}}),
            (ranges{{{set, "p"}, "p"}}));
  const auto beyond = ranges_of({.type = set, .prefix = "p", .after = key{set, "q"}});
  for (const auto& range : beyond)
    for (const auto* name : {"q", "qq", "z"})
      EXPECT_FALSE(range.contains({set, name}));
}

TEST(KeyRange, HoldsNamesOfOneTypeThatBeginAlike) {
  const key_range range{{set, "ab"}, "a"};
  EXPECT_TRUE(range.contains({set, "ab"}));
  EXPECT_TRUE(range.contains({set, "a\xff"}));
  EXPECT_FALSE(range.contains({set, "b"}));
  EXPECT_FALSE(range.contains({counter, "ab"}));
}

TEST(KeyPage, OrdersWhatSeveralHaveFound) {
  const key a{counter, "a"};
  const key b{counter, "b"};
  const key c{set, "\x01"};
  EXPECT_EQ(merged({{b}, {}, {a, c}}, 3), (key_page{{a, b, c}, false}));
}

TEST(KeyPage, SaysWhetherThereIsMore) {
  const key a{counter, "a"};
  const key b{counter, "b"};
  EXPECT_EQ(merged({{a, b}}, 1), (key_page{{a}, true}));
  EXPECT_EQ(merged({{b}, {a}}, 1), (key_page{{a}, true}));
  EXPECT_EQ(merged({{a}}, 1), (key_page{{a}, false}));
  EXPECT_EQ(merged({}, 1), key_page{});
}

TEST(KeyPage, OrdersNamesByTheirBytes) {
  const key ascii{set, "z"};
  const key beyond{set, "\xc3\xbc"};
  EXPECT_THAT(merged({{beyond}, {ascii}}, 9).keys, ElementsAre(ascii, beyond));
}

} // namespace
} // namespace starling::crdt
