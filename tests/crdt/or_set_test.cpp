#include "crdt/or_set.hpp"
#include "tests/crdt/names.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

namespace starling::crdt {
namespace {

using members = std::vector<payload>;
using row_map = or_set::row_map;

const auto apple = text("apple");
const auto pear = text("pear");

/// The encoding of a set, part by part, as no set would write it.
struct forged_set {
  struct coded_entry {
    std::uint64_t which;
    event_number number;
    bool live;
  };
  std::vector<replica_id> table;
  std::vector<std::vector<std::pair<std::uint64_t, std::uint64_t>>> intervals; // gap, length
  std::vector<std::pair<payload, std::vector<coded_entry>>> clocks;

  std::string bytes() const {
    wire::writer out;
    out.varint(table.size());
    for (const auto& id : table)
      encode(out, id);
    for (const auto& list : intervals) {
      out.varint(list.size());
      for (const auto& [gap, length] : list) {
        out.varint(gap);
        out.varint(length);
      }
    }
    out.varint(clocks.size());
    for (const auto& [member, entries] : clocks) {
      encode(out, member);
      out.varint(entries.size());
      for (const auto& e : entries) {
        out.varint(e.which);
        out.varint(e.number << 1 | (e.live ? 1 : 0));
      }
    }
    return std::move(out).take();
  }

  std::string_view refusal() const { return refusal_of<or_set>(bytes()); }
};

/// A set that has seen all events of `a` up to `last` and holds nothing.
or_set emptied(event_number last) {
  return std::get<or_set>(decoded<or_set>(forged_set{{a}, {{{1, last - 1}}}, {}}.bytes()));
}

TEST(OrSet, HoldsNothingAtFirst) {
  const or_set x;
  EXPECT_TRUE(x.empty());
  EXPECT_FALSE(x.contains(apple));
  EXPECT_EQ(x.members(), members{});
  EXPECT_EQ(x.context(apple), version_vector{});
}

TEST(OrSet, ListsMembersInAscendingOrder) {
  or_set x;
  x.add(a, pear);
  x.add(a, {payload_kind::bytes, "apple"});
  x.add(a, apple);
  EXPECT_EQ(x.members(), (members{apple, pear, {payload_kind::bytes, "apple"}}));
}

TEST(OrSet, CountsAMemberOnceHoweverManyAddIt) {
  or_set x;
  x.add(a, apple);
  x.add(b, apple);
  x.add(a, apple);
  x.add(a, pear);
  EXPECT_EQ(x.cardinality(), 2u);

  auto y = x;
  y.remove(c, apple, version_vector{{a, 3}});
  EXPECT_EQ(y.cardinality(), 2u) << "the add of b is left";
  y.remove(c, apple, y.context(apple));
  EXPECT_EQ(y.cardinality(), 1u);
  EXPECT_EQ(x.cardinality(), 2u);

  x = y;
  EXPECT_EQ(x.cardinality(), 1u);
}

TEST(OrSet, DoesNotCountMembersThatAreOnlyKnownToBeGone) {
  or_set x;
  x.remove(a, apple, version_vector{{b, 7}});
  x.add(a, pear);
  ASSERT_TRUE(x.rows().contains(apple));

  EXPECT_EQ(x.cardinality(), 1u);
  EXPECT_EQ(x.members_after(payload_kind::text, std::nullopt, 9), members{pear});
}

TEST(OrSet, ListsMembersFromAnyPositionOn) {
  or_set x;
  for (const auto& member : {apple, pear, text("fig"), text("")})
    x.add(a, member);
  const auto after = [&](std::optional<std::string> position, std::size_t limit) {
    return x.members_after(payload_kind::text, position, limit);
  };

  EXPECT_EQ(after({}, 2), (members{text(""), apple}));
  EXPECT_EQ(after("", 9), (members{apple, text("fig"), pear}));
  EXPECT_EQ(after("apple", 1), (members{text("fig")}));
  EXPECT_EQ(after("b", 9), (members{text("fig"), pear})) << "b is no member";
  EXPECT_EQ(after("pear", 9), members{});
  EXPECT_EQ(after({}, 0), members{});
}

TEST(OrSet, ListsMembersOfTheWantedKindOnly) {
  or_set x;
  x.add(a, {payload_kind::json, "1"});
  x.add(a, apple);
  x.add(a, {payload_kind::bytes, "z"});

  EXPECT_EQ(x.members_after(payload_kind::text, std::nullopt, 9), members{apple});
  EXPECT_EQ(x.members_after(payload_kind::text, "b", 9), members{});
}

TEST(OrSet, NumbersEventsOverAllMembers) {
  or_set x;
  x.add(a, apple);
  x.add(a, pear);
  x.add(a, apple);

  EXPECT_EQ(x.rows(), (row_map{{apple, {{a, 3, true}}}, {pear, {{a, 2, true}}}}));
  EXPECT_EQ(x.seen().prefix(a), 3u);
}

TEST(OrSet, RemovedMemberLeavesNothingBehind) {
  or_set x;
  x.add(a, apple);
  x.remove(a, apple, x.context(apple));

  EXPECT_FALSE(x.contains(apple));
  EXPECT_EQ(x.rows(), row_map{});
}

TEST(OrSet, ConcurrentAddWinsOverRemove) {
  or_set x;
  x.add(a, apple);
  auto y = x;

  x.remove(a, apple, x.context(apple));
  y.add(b, apple, y.context(apple));
  x.join(y);
  y.join(x);

  EXPECT_TRUE(x.contains(apple));
  EXPECT_EQ(x, y);
}

TEST(OrSet, StaleRemoveDropsOnlyWhatItObserved) {
  or_set x;
  x.add(a, apple);
  auto y = x;
  auto z = x;
  const auto observed = y.context(apple);

  z.join(*z.add(c, apple));
  y.join(*z.add(c, apple));
  const auto removed = y.remove(b, apple, observed);

  EXPECT_TRUE(removed);
  EXPECT_TRUE(y.contains(apple));
  x.join(*removed);
  EXPECT_FALSE(x.contains(apple));
  x.join(z);
  EXPECT_TRUE(x.contains(apple));
}

TEST(OrSet, RemoveReachesAddsThatArriveLater) {
  or_set x;
  const auto added = *x.add(a, apple);
  or_set y;

  EXPECT_TRUE(y.remove(b, apple, x.context(apple)));
  EXPECT_EQ(y.rows(), (row_map{{apple, {{a, 1, false}}}}));
  y.join(added);

  EXPECT_FALSE(y.contains(apple));
  EXPECT_EQ(y.rows(), row_map{}); // the prefix covers the dead entry now
  EXPECT_EQ(y.seen().prefix(a), 1u);
}

TEST(OrSet, DeadEntryStaysUntilThePrefixCoversIt) {
  or_set x;
  const auto first = *x.add(a, pear);
  const auto second = *x.add(a, apple);
  or_set y;

  y.remove(b, apple, x.context(apple));
  y.join(second);
  EXPECT_FALSE(y.contains(apple));
  EXPECT_EQ(y.rows(), (row_map{{apple, {{a, 2, false}}}}));

  y.join(first);
  EXPECT_EQ(y.rows(), (row_map{{pear, {{a, 1, true}}}}));
  EXPECT_EQ(y.members(), members{pear});
}

TEST(OrSet, RemovingTheAbsentChangesNothing) {
  or_set x;
  x.add(a, pear);
  const auto before = x;

  EXPECT_FALSE(x.remove(a, apple, x.context(apple)));
  EXPECT_FALSE(x.remove(a, apple, {}));
  EXPECT_FALSE(x.remove(a, pear, {}));
  EXPECT_EQ(x, before);
}

TEST(OrSet, ForgedContextOfOwnEventsDoesNotKillLaterAdds) {
  or_set x;
  x.add(a, apple);

  EXPECT_TRUE(x.remove(a, apple, {{a, event_number_max}}));
  EXPECT_FALSE(x.contains(apple));
  x.add(a, apple);
  EXPECT_TRUE(x.contains(apple));
  x.add(a, apple, {{a, event_number_max}});
  x.add(a, apple);
  EXPECT_EQ(x.rows(), (row_map{{apple, {{a, 4, true}}}}));
}

TEST(OrSet, BlindAddReplacesOnlyTheOwnOlderAdd) {
  or_set x;
  x.add(a, apple);
  or_set y;
  y.add(b, apple);
  x.join(y);

  x.add(a, apple);
  EXPECT_EQ(x.rows(), (row_map{{apple, {{a, 2, true}, {b, 1, true}}}}));
}

TEST(OrSet, AddReplacesWhatItsContextCovers) {
  or_set x;
  x.add(a, apple);
  or_set y;
  y.add(b, apple);
  x.join(y);

  const auto delta = x.add(a, apple, x.context(apple));
  EXPECT_EQ(x.rows(), (row_map{{apple, {{a, 2, true}}}}));
  y.join(*delta);
  EXPECT_EQ(y.rows(), (row_map{{apple, {{a, 2, true}}}}));
}

TEST(OrSet, ContextIsThePrefixWhereTheMembersOwnEntryIsOlder) {
  or_set x;
  x.add(a, apple);
  x.add(a, pear);
  EXPECT_EQ(x.context(apple), (version_vector{{a, 2}}));
}

TEST(OrSet, ContextNamesThePrefixesAndTheMembersOwnEntries) {
  or_set x;
  x.add(a, pear);
  or_set y;
  y.add(b, pear);
  const auto late = *y.add(b, apple);
  x.join(late);

  EXPECT_EQ(x.context(apple), (version_vector{{a, 1}, {b, 2}}));
  EXPECT_EQ(x.context(pear), (version_vector{{a, 1}}));
}

TEST(OrSet, DeltaClaimsOnlyTheEventThatItBrings) {
  or_set x;
  x.add(a, apple);
  const auto delta = *x.add(a, pear);

  causal_context only;
  only.insert({a, 2});
  EXPECT_EQ(delta.seen(), only);

  or_set y;
  y.join(delta);
  EXPECT_EQ(y.members(), members{pear});
  EXPECT_EQ(y.seen().prefix(a), 0u);
}

TEST(OrSet, GapsCloseInAnyOrder) {
  or_set x;
  std::vector<or_set> deltas;
  for (const auto* name : {"1", "2", "3", "4"})
    deltas.push_back(*x.add(a, text(name)));

  or_set y;
  for (const auto i : {3u, 0u, 2u, 1u})
    EXPECT_TRUE(y.join(deltas[i]));
  EXPECT_EQ(y, x);
  EXPECT_EQ(y.seen().replicas().at(a).intervals(), (std::vector<interval>{{1, 4}}));
}

TEST(OrSet, NoveltyOfAFullStateNamesTheKilledEntries) {
  or_set x;
  x.add(a, apple);
  x.add(a, pear);
  auto y = x;
  y.remove(b, apple, y.context(apple));

  const auto news = x.join(y);
  ASSERT_TRUE(news);
  EXPECT_EQ(x, y);
  EXPECT_EQ(news->rows(), (row_map{{apple, {{a, 1, false}}}}));
  EXPECT_TRUE(news->seen().empty());
}

TEST(OrSet, NoveltyClaimsNoEventThatWasKnown) {
  or_set x;
  x.add(a, apple);
  auto y = x;
  y.add(a, pear);
  y.add(b, apple, y.context(apple));

  const auto news = x.join(y);
  ASSERT_TRUE(news);
  causal_context fresh;
  fresh.insert({a, 2});
  fresh.insert({b, 1});
  EXPECT_EQ(news->seen(), fresh);
  EXPECT_EQ(news->rows(),
            (row_map{{apple, {{a, 1, false}, {b, 1, true}}}, {pear, {{a, 2, true}}}}));
}

TEST(OrSet, JoinReturnsNothingWhenNothingIsNew) {
  or_set x;
  const auto delta = *x.add(a, apple);
  EXPECT_FALSE(x.join(x));
  EXPECT_FALSE(x.join(delta));
  EXPECT_FALSE(x.join(or_set{}));
}

TEST(OrSet, OldDeltaDoesNotBringARemovedMemberBack) {
  or_set x;
  const auto delta = *x.add(a, apple);
  x.remove(a, apple, x.context(apple));

  EXPECT_FALSE(x.join(delta));
  EXPECT_FALSE(x.contains(apple));
}

TEST(OrSet, CopiesAndMovesKeepWorking) {
  or_set x;
  x.add(a, apple);
  or_set copy = x;
  copy = *&copy;
  copy.remove(b, apple, copy.context(apple));
  EXPECT_TRUE(x.contains(apple));
  EXPECT_EQ(copy.rows(), row_map{});

  or_set moved = std::move(x);
  moved.add(a, apple);
  moved.remove(a, apple, moved.context(apple));
  EXPECT_EQ(moved.rows(), row_map{});
  x = or_set{};
  x.join(moved);
  EXPECT_EQ(x, moved);
}

TEST(OrSet, PartTellsOfItsMembersAndOfNoOthers) {
  or_set x;
  x.add(a, apple);
  x.add(a, pear);
  auto y = x;
  x.remove(a, apple, x.context(apple));
  x.add(b, text("plum"));

  const auto part = x.part({apple});
  EXPECT_TRUE(part.seen().empty());
  EXPECT_EQ(part.rows(), (row_map{{apple, {{a, 2, false}, {b, 1, false}}}}));

  y.join(part);
  EXPECT_EQ(y.members(), members{pear});
  y.join(x.part({text("plum"), pear}));
  EXPECT_EQ(y.members(), (members{pear, text("plum")}));
  EXPECT_EQ(y, x);
}

TEST(OrSet, PartClaimsOnlyItsLiveEvents) {
  or_set x;
  x.add(a, apple);
  x.add(a, pear);
  x.add(b, pear);

  causal_context claimed;
  claimed.insert({a, 2});
  claimed.insert({b, 1});
  EXPECT_EQ(x.part({pear}).seen(), claimed);
  EXPECT_TRUE(x.part({}).empty());
  EXPECT_TRUE(or_set{}.part({apple}).empty());
}

TEST(OrSet, FootprintFollowsWhatTheSetHolds) {
  or_set x;
  x.add(a, apple);
  const auto one = x.footprint();
  x.add(a, pear);
  x.add(b, apple);

  EXPECT_GE(x.footprint() + 40, bytes_of(x).size()); // two ids and the intervals are left out
  EXPECT_EQ(or_set{x}.footprint(), x.footprint());
  EXPECT_EQ(std::get<or_set>(decoded<or_set>(bytes_of(x))).footprint(), x.footprint());

  x.remove(a, pear, x.context(pear));
  x.add(a, apple, x.context(apple));
  EXPECT_EQ(x.footprint(), one);
  x.remove(a, apple, x.context(apple));
  EXPECT_EQ(x.footprint(), 0u);
}

TEST(OrSet, AddIsRefusedWhenNoEventIsLeft) {
  auto x = emptied(event_number_max - 1);
  EXPECT_TRUE(x.add(a, apple));
  const auto before = x;
  EXPECT_FALSE(x.add(a, apple));
  EXPECT_EQ(x, before);
  EXPECT_TRUE(x.add(b, apple));
}

TEST(OrSet, JoinOfForgedSetsThatContradictEachOtherKeepsTheSetSound) {
  const auto x = std::get<or_set>(
      decoded<or_set>(forged_set{{a}, {{{1, 0}}}, {{apple, {{0, 1, true}}}}}.bytes()));
  const auto y = std::get<or_set>(
      decoded<or_set>(forged_set{{a}, {{{1, 0}}}, {{pear, {{0, 1, true}}}}}.bytes()));

  auto both = x;
  both.join(y);
  EXPECT_EQ(refusal_of<or_set>(bytes_of(both)), "");
  EXPECT_EQ(both.members(), members{}); // each says of the other's member that it is over
}

TEST(OrSet, DecoderRefusesReplicasOutOfOrderOrUnused) {
  EXPECT_EQ((forged_set{{b, a}, {{{1, 0}}, {{1, 0}}}, {}}.refusal()),
            "replica ids are not in ascending order");
  EXPECT_EQ((forged_set{{a, a}, {{{1, 0}}, {{1, 0}}}, {}}.refusal()),
            "replica ids are not in ascending order");
  EXPECT_EQ((forged_set{{a}, {{}}, {}}.refusal()), "table names a replica that nothing refers to");
}

TEST(OrSet, DecoderRefusesIntervalsThatAreNotCanonical) {
  EXPECT_EQ((forged_set{{a}, {{{0, 0}}}, {}}.refusal()), "intervals touch or overlap");
  EXPECT_EQ((forged_set{{a}, {{{1, 0}, {1, 0}}}, {}}.refusal()), "intervals touch or overlap");
  EXPECT_EQ((forged_set{{a}, {{{1, 0}, {2, 0}}}, {}}.refusal()), "");
  EXPECT_EQ((forged_set{{a}, {{{1, event_number_max - 1}}}, {}}.refusal()), "");
  EXPECT_EQ((forged_set{{a}, {{{1, event_number_max}}}, {}}.refusal()),
            "event number out of range");
  EXPECT_EQ((forged_set{{a}, {{{event_number_max + 1, 0}}}, {}}.refusal()),
            "event number out of range");
  EXPECT_EQ((forged_set{{a}, {{{1, 5}, {~0ull, ~0ull}}}, {}}.refusal()),
            "event number out of range");
}

TEST(OrSet, DecoderRefusesClocksThatAreNotCanonical) {
  const std::vector<std::vector<std::pair<std::uint64_t, std::uint64_t>>> seen{{{1, 4}}};
  EXPECT_EQ((forged_set{{a}, seen, {{apple, {}}, {pear, {{0, 1, true}}}}}.refusal()),
            "row without entries");
  EXPECT_EQ((forged_set{{a}, seen, {{pear, {{0, 1, true}}}, {apple, {{0, 2, true}}}}}.refusal()),
            "members are not in ascending order");
  EXPECT_EQ((forged_set{{a}, seen, {{pear, {{0, 1, true}}}, {pear, {{0, 2, true}}}}}.refusal()),
            "members are not in ascending order");
  EXPECT_EQ((forged_set{{a}, seen, {{apple, {{1, 1, true}}}}}.refusal()),
            "entry of a replica that is not in the table");
  EXPECT_EQ((forged_set{{a}, seen, {{apple, {{0, 0, false}}}}}.refusal()),
            "event number out of range");
  EXPECT_EQ((forged_set{{a}, seen, {{apple, {{0, 1, true}, {0, 2, true}}}}}.refusal()),
            "entries are not in ascending order");
  EXPECT_EQ((forged_set{{a}, seen, {{apple, {{0, 6, true}}}}}.refusal()),
            "live event that the set has not seen");
  EXPECT_EQ((forged_set{{a}, seen, {{apple, {{0, 1, true}}}, {pear, {{0, 1, true}}}}}.refusal()),
            "one event holds two members");
  EXPECT_EQ((forged_set{{a}, seen, {{apple, {{0, 5, false}}}}}.refusal()),
            "dead entry that the prefix covers");
  EXPECT_EQ((forged_set{{a}, seen, {{apple, {{0, 6, false}}}}}.refusal()), "");
}

TEST(OrSet, OfItsEventsAndClocksIsTheSameSet) {
  or_set set;
  set.add(a, text("apple"));
  set.add(b, text("pear"), {{c, 5}}); // leaves a dead entry

  const or_set same{set.seen(), set.rows()};

  EXPECT_EQ(same, set);
  EXPECT_EQ(same.footprint(), set.footprint());
  EXPECT_EQ(same.touched_by(set.seen()), set.touched_by(set.seen()));
}

TEST(OrSet, IsTouchedWhereAnEventIsLiveOrADeadOneWaits) {
  or_set set;
  set.add(a, text("apple"));
  set.add(a, text("pear"));
  set.add(b, text("plum"), {{c, 5}}); // waits for c's events
  causal_context second_of_a;
  second_of_a.insert({a, 2});
  causal_context first_of_c;
  first_of_c.insert({c, 1});

  EXPECT_EQ(set.touched_by(second_of_a), members{text("pear")});
  EXPECT_EQ(set.touched_by(first_of_c), members{text("plum")});
  EXPECT_EQ(set.touched_by({}), members{});
}

/// Several replicas of a set, which are changed by many members at a time and one by one.
class many_changes {
public:
  explicit many_changes(unsigned seed) : random_(seed), sets_(3) {}

  void step() {
    const auto i = random_() % sets_.size();
    const auto self = std::array{a, b, c}[i];
    auto& set = sets_[i];
    if (random_() % 3 == 0)
      return void(set.join(messages_.empty() ? sets_[random_() % 3] : any_message()));
    std::vector<member_change> added;
    std::vector<member_change> removed;
    for (int name = 0; name < 12; ++name)
      if (const auto draw = random_() % 4; draw < 2)
        (draw == 0 ? added : removed).push_back({text(std::to_string(name)), observed(name, self)});
    if (random_() % 2 == 0) // the order is only for speed
      std::ranges::shuffle(added, random_);

    const auto before = set;
    const auto expected = one_by_one(set, self, added, removed);
    auto fresh = before;
    const auto delta = fresh.change(self, added, removed);
    ASSERT_EQ(fresh, set);
    ASSERT_EQ(fresh.footprint(), set.footprint());
    ASSERT_EQ(fresh.cardinality(), set.cardinality());
    ASSERT_EQ(delta, expected);
    if (!delta)
      return;
    auto there = before;
    ASSERT_EQ(there.join(*delta).has_value(), true);
    ASSERT_EQ(there, set) << "the delta does not tell what was done";
    messages_.push_back(*delta);
  }

private:
  std::optional<version_vector> observed(int name, const replica_id& self) {
    if (random_() % 2 == 0)
      return std::nullopt;
    auto result = sets_[random_() % 3].context(text(std::to_string(name)));
    if (random_() % 8 == 0)
      result[self] += random_() % 40; // as a client may forge it
    if (random_() % 8 == 0)
      result[b] += random_() % 4; // events that are still on their way
    return result;
  }

  const or_set& any_message() { return messages_[random_() % messages_.size()]; }

  static std::optional<or_set> one_by_one(or_set& set, const replica_id& self,
                                          const std::vector<member_change>& added,
                                          const std::vector<member_change>& removed) {
    or_set delta;
    for (const auto& [member, observed] : added)
      delta.join(*set.add(self, member, observed.value_or(version_vector{})));
    for (const auto& [member, observed] : removed)
      if (const auto one = set.remove(self, member, observed ? *observed : set.context(member)))
        delta.join(*one);
    return delta.empty() ? std::nullopt : std::optional{delta};
  }

  std::mt19937 random_;
  std::vector<or_set> sets_;
  std::vector<or_set> messages_;
};

TEST(OrSet, ChangesManyMembersAsOneByOne) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    many_changes history{seed};
    for (int i = 0; i < 40; ++i) {
      history.step();
      if (testing::Test::HasFatalFailure())
        return;
    }
  }
}

TEST(OrSet, KeepsARemovalOfAnEventThatItHasLost) {
  or_set set = emptied(3);
  set.remove(b, apple, version_vector{{a, 9}}); // a has made nine events, and lost six of them
  const auto delta = set.change(a, {{apple, {}}, {pear, {}}}, {});
  EXPECT_FALSE(set.contains(apple)) << "its add is one of those that were removed";
  EXPECT_TRUE(set.contains(pear));
  EXPECT_FALSE(delta->contains(apple));
}

TEST(OrSet, ShowsManyContextsAsOneByOne) {
  or_set set;
  set.add(a, apple);
  set.add(b, pear);
  set.remove(c, text("plum"), {{b, 7}});
  const members asked{apple, text("fig"), pear, text("plum")};
  std::vector<std::pair<payload, version_vector>> expected;
  for (const auto& member : asked)
    expected.emplace_back(member, set.context(member));

  EXPECT_EQ(set.contexts(asked), expected);
  EXPECT_EQ(set.contexts({pear, apple}), (std::vector{expected[2], expected[0]})) << "in any order";
}

TEST(OrSet, KeepsTheClocksItHasWhenThoseLeftOutArePutIn) {
  or_set set;
  set.add(a, apple);
  const auto before = set.rows().at(apple);
  set.put({{apple, {{b, 1, true}}}, {pear, {{c, 1, true}}}});
  EXPECT_EQ(set.rows(), (row_map{{apple, before}, {pear, {{c, 1, true}}}}));
  EXPECT_EQ(set.cardinality(), 2u);
}

TEST(OrSet, IsWholeOnceEveryClockThatWasLeftOutIsPutIn) {
  or_set whole;
  whole.add(a, text("apple"));
  whole.add(b, text("pear"));
  whole.remove(a, text("fig"), {{c, 3}});
  or_set part{whole.seen(), {}};
  for (const auto& [member, row] : whole.rows())
    part.put({{member, row}});

  EXPECT_EQ(part, whole);
  EXPECT_EQ(part.footprint(), whole.footprint());
  or_set news;
  news.add(c, text("plum"));
  EXPECT_EQ(part.join(news), whole.join(news));
  EXPECT_EQ(part, whole);
}

TEST(OrSet, ReadsNoRowThatIsNone) {
  const auto bytes = [](const or_set::row& row) {
    wire::writer out;
    or_set::encode_row(out, row);
    return std::move(out).take();
  };
  const or_set::row row{{a, 1, true}, {b, event_number_max, false}};
  const auto good = bytes(row);
  EXPECT_EQ(or_set::decode_row(good), row);
  EXPECT_EQ(or_set::decode_row(good.substr(0, good.size() - 1)), std::nullopt);
  EXPECT_EQ(or_set::decode_row(""), std::nullopt) << "a row without entries is none";
  EXPECT_EQ(or_set::decode_row(bytes({{b, 1, true}, {a, 1, true}})), std::nullopt)
      << "in the wrong order";
}

} // namespace
} // namespace starling::crdt
