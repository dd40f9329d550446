#include "crdt/view.hpp"

#include <gtest/gtest.h>

namespace starling::crdt {
namespace {

const auto replica = replica_id::from(1, 1);

payload text(std::string x) {
  return {payload_kind::text, std::move(x)};
}

value fruits() {
  value v{type::set};
  apply(v, set_change{{{text("pear"), {}}, {text("apple"), {}}}, {}}, replica, 0);
  return v;
}

TEST(View, ShowsTheReadingOfACounter) {
  value v{type::counter};
  const command add = counter_add{-3};
  apply(v, add, replica, 0);

  EXPECT_EQ(view_of(v), view{(counter_view{{-3, false}})});
  EXPECT_EQ(view_of(v, add), view_of(v));
}

TEST(View, OfACounterThatNobodyTouchedIsZero) {
  EXPECT_EQ(view_of(value{type::counter}), view{counter_view{}});
}

TEST(View, SaysThatACounterIsSaturated) {
  pn_counter a;
  a.add(replica, INT64_MAX);
  pn_counter b;
  b.add(replica_id::from(2, 2), 1);
  a.join(b);

  EXPECT_EQ(view_of(a), view{(counter_view{{INT64_MAX, true}})});
}

TEST(View, ShowsTheWinningWriteOfARegister) {
  value v{type::register_};
  const command assign = register_assign{{payload_kind::json, "1.50"}};
  apply(v, assign, replica, 7);

  EXPECT_EQ(view_of(v), view{(register_view{{payload_kind::json, "1.50"}})});
  EXPECT_EQ(view_of(v, assign), view_of(v));
}

TEST(View, OfAWriteToASetShowsWhatItTouchesIfThatIsWanted) {
  const auto v = fruits();
  set_change c{{{text("pear"), {}}}, {{text("fig"), {}}}};
  EXPECT_EQ(std::get<set_view>(view_of(v, c)).members.size(), 2U);
  c.shows_members = false;
  EXPECT_EQ(view_of(v, c), view{(set_view{{}, 2})});
}

TEST(View, ShowsTheMembersOfASetInOrderWithTheirContexts) {
  const auto v = fruits();
  const auto& set = v.as<or_set>();

  const auto seen = std::get<set_view>(view_of(v));

  ASSERT_EQ(seen.members.size(), 2U);
  EXPECT_EQ(seen.members[0], std::pair(text("apple"), set.context(text("apple"))));
  EXPECT_EQ(seen.members[1], std::pair(text("pear"), set.context(text("pear"))));
}

TEST(View, OfASetSaysHowManyMembersTheWholeHas) {
  auto v = fruits();
  const command change = set_change{{{text("fig"), {}}}, {}};
  apply(v, change, replica, 0);

  EXPECT_EQ(std::get<set_view>(view_of(v)).cardinality, 3U);
  EXPECT_EQ(std::get<set_view>(view_of(v, change)).cardinality, 3U);
  EXPECT_EQ(std::get<page_view>(view_of(v, member_page{{}, 1})).shown.cardinality, 3U);
  EXPECT_EQ(std::get<member_view>(view_of(v, one_member{text("fig")})).cardinality, 3U);
}

TEST(View, OfAPageShowsItsMembersWithTheirContexts) {
  const auto v = fruits();
  const auto& set = v.as<or_set>();

  const auto first = std::get<page_view>(view_of(v, member_page{{}, 1}));
  const auto second = std::get<page_view>(view_of(v, member_page{"apple", 1}));

  ASSERT_EQ(first.shown.members.size(), 1U);
  EXPECT_EQ(first.shown.members[0], std::pair(text("apple"), set.context(text("apple"))));
  EXPECT_EQ(first.next, "apple");
  ASSERT_EQ(second.shown.members.size(), 1U);
  EXPECT_EQ(second.shown.members[0], std::pair(text("pear"), set.context(text("pear"))));
  EXPECT_EQ(second.next, std::nullopt);
}

/// Where the page of one member goes on that ends in `last` and is followed by `following`.
std::string next_between(const std::string& last, const std::string& following) {
  value v{type::set};
  apply(v, set_change{{{text(last), {}}, {text(following), {}}}, {}}, replica, 0);
  const auto page = std::get<page_view>(view_of(v, member_page{{}, 1}));
  EXPECT_EQ(page.shown.members.at(0).first, text(last));
  const auto next = page.next.value_or("nothing");
  const auto rest = std::get<page_view>(view_of(v, member_page{next, 9})).shown.members;
  EXPECT_EQ(rest.size(), 1U);
  EXPECT_TRUE(rest.empty() || rest[0].first == text(following));
  return next;
}

TEST(View, OfAPageGoesOnBehindItsLastMemberIfThatIsShort) {
  const std::string longest(short_position_max, 'a');
  EXPECT_EQ(next_between("a", "b" + longest), "a");
  EXPECT_EQ(next_between(longest, "bc"), longest);
}

TEST(View, OfAPageGoesOnBehindALongMemberByAShorterText) {
  const std::string tail(64 * 1024, 'x');
  const std::string greatest = "\xf4\x8f\xbf\xbf";
  EXPECT_EQ(next_between("a" + tail, "b" + tail), "a" + greatest);
  EXPECT_EQ(next_between("a" + tail, "b"), "a" + greatest);
  EXPECT_EQ(next_between("prefix-1" + tail, "prefix-2" + tail), "prefix-1" + greatest);
  EXPECT_EQ(next_between("\xc3\xbc" + tail, "\xc3\xbd" + tail), "\xc3\xbc" + greatest)
      << "whole characters, though their first bytes are equal";
  EXPECT_EQ(next_between("\xc3\xbc" + tail, "\xe2\x82\xac"), "\xc3\xbc" + greatest);
}

TEST(View, OfAPageGoesOnBehindALongMemberIfNoShorterTextLiesBetween) {
  const std::string tail(64 * 1024, 'x');
  const std::string greatest = "\xf4\x8f\xbf\xbf";
  EXPECT_EQ(next_between(tail, tail + "x"), tail);
  EXPECT_EQ(next_between(tail + "a", tail + "b"), tail + "a");
  EXPECT_EQ(next_between("a" + greatest + tail, "b"), "a" + greatest + tail)
      << "as there is nothing greater to put behind the a";
}

TEST(View, OfAPageHasNoMoreWhereOnlyOtherKindsFollow) {
  auto v = fruits();
  apply(v, set_change{{{{payload_kind::bytes, "x"}, {}}}, {}}, replica, 0);

  const auto page = std::get<page_view>(view_of(v, member_page{{}, 2}));

  EXPECT_EQ(page.shown.members.size(), 2U);
  EXPECT_EQ(page.next, std::nullopt);
  EXPECT_EQ(page.shown.cardinality, 3U);
}

TEST(View, OfOneMemberSaysWhetherItIsThere) {
  auto v = fruits();
  apply(v, set_change{{}, {{text("apple"), {}}}}, replica, 0);
  const auto& set = v.as<or_set>();

  for (const auto* name : {"pear", "apple", "never added"}) {
    const auto seen = std::get<member_view>(view_of(v, one_member{text(name)}));
    EXPECT_EQ(seen.member, text(name));
    EXPECT_EQ(seen.present, set.contains(text(name))) << name;
    EXPECT_EQ(seen.observed, set.context(text(name))) << name;
    EXPECT_FALSE(seen.observed.empty()) << name;
  }
}

TEST(View, OfACounterIsTheWholeWhateverIsAsked) {
  value v{type::counter};
  apply(v, counter_add{5}, replica, 0);

  EXPECT_EQ(view_of(v, member_page{{}, 1}), view_of(v));
  EXPECT_EQ(view_of(v, one_member{text("x")}), view_of(v));
}

TEST(View, OfASetDoesNotShowRemovedMembers) {
  auto v = fruits();
  apply(v, set_change{{}, {{text("apple"), {}}}}, replica, 0);

  const auto seen = std::get<set_view>(view_of(v));

  ASSERT_EQ(seen.members.size(), 1U);
  EXPECT_EQ(seen.members[0].first, text("pear"));
}

TEST(View, OfASetWriteShowsTheTouchedMembersOnlyPresentOrNot) {
  auto v = fruits();
  const command change = set_change{{{text("fig"), {}}}, {{text("apple"), {}}}};
  apply(v, change, replica, 0);

  const auto seen = std::get<set_view>(view_of(v, change));

  ASSERT_EQ(seen.members.size(), 2U);
  EXPECT_EQ(seen.members[0].first, text("apple"));
  EXPECT_EQ(seen.members[1].first, text("fig"));
}

TEST(View, ContextOfAMemberRemovesWhatItsReaderSawAndNothingNewer) {
  auto v = fruits();
  const auto observed = std::get<set_view>(view_of(v)).members[0].second;
  apply(v, set_change{{{text("apple"), {}}}, {}}, replica_id::from(2, 2), 0);

  apply(v, set_change{{}, {{text("apple"), observed}}}, replica, 0);

  EXPECT_TRUE(v.as<or_set>().contains(text("apple")));
}

} // namespace
} // namespace starling::crdt
