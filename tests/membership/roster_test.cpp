#include "membership/roster.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

namespace starling::membership {

namespace {

// Few of each, so that records meet often.
rc::Gen<member> arbitrary_member() {
  return rc::gen::build<member>(
      rc::gen::set(&member::address, rc::gen::element<std::string>("a:1", "b:1", "c:1")),
      rc::gen::set(&member::generation, rc::gen::inRange<std::uint64_t>(0, 4)),
      rc::gen::set(&member::node,
                   rc::gen::map(rc::gen::inRange<std::uint64_t>(0, 3),
                                [](std::uint64_t low) { return node_id::from(0, low); })),
      rc::gen::set(&member::session,
                   rc::gen::map(rc::gen::inRange<std::uint64_t>(0, 3),
                                [](std::uint64_t bits) { return session_id{bits}; })),
      rc::gen::set(&member::name, rc::gen::element<std::string>("", "n", "m")));
}

using records = std::vector<member>;

auto arbitrary_records() {
  return rc::gen::container<records>(arbitrary_member());
}

roster joined(const records& all) {
  roster result;
  for (const auto& record : all)
    result.join(record);
  return result;
}

roster join(roster into, const roster& other) {
  for (const auto& [address, record] : other.records())
    into.join(record);
  return into;
}

} // namespace

RC_GTEST_PROP(RosterLaws, JoinIsCommutative, ()) {
  const auto a = joined(*arbitrary_records());
  const auto b = joined(*arbitrary_records());
  RC_ASSERT(join(a, b) == join(b, a));
}

RC_GTEST_PROP(RosterLaws, JoinIsAssociative, ()) {
  const auto a = joined(*arbitrary_records());
  const auto b = joined(*arbitrary_records());
  const auto c = joined(*arbitrary_records());
  RC_ASSERT(join(join(a, b), c) == join(a, join(b, c)));
}

RC_GTEST_PROP(RosterLaws, JoinIsIdempotent, ()) {
  const auto a = joined(*arbitrary_records());
  RC_ASSERT(join(a, a) == a);
}

RC_GTEST_PROP(RosterLaws, NewsIsWhatChangesTheTable, ()) {
  auto table = joined(*arbitrary_records());
  const auto record = *arbitrary_member();
  const auto before = table;
  const bool is_news = table.join(record);
  RC_ASSERT(is_news == (table != before));
  RC_ASSERT(!table.join(record));
}

RC_GTEST_PROP(RosterLaws, OrderOfArrivalDoesNotMatter, ()) {
  auto all = *arbitrary_records();
  const auto table = joined(all);
  std::ranges::reverse(all);
  RC_ASSERT(joined(all) == table);
}

TEST(Roster, HigherGenerationReplacesTheFormerLifeAtAnAddress) {
  const member old_life{"a:1", 10, node_id::from(9, 9), {9}, "z", ""};
  const member new_life{"a:1", 11, node_id::from(1, 1), {1}, "a", ""};

  roster table;
  EXPECT_TRUE(table.join(old_life));
  EXPECT_TRUE(table.join(new_life));
  EXPECT_FALSE(table.join(old_life));
  EXPECT_EQ(*table.find("a:1"), new_life);
  EXPECT_EQ(table.size(), 1u);
}

TEST(Roster, UnknownAddressesHaveNoRecord) {
  EXPECT_EQ(roster{}.find("a:1"), nullptr);
}

} // namespace starling::membership
