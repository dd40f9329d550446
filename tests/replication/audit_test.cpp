#include "replication/audit.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace starling::replication {
namespace {

using names = std::set<std::string>;
using prefixes = std::set<std::uint64_t>;

std::uint64_t position_of(std::size_t i) {
  return std::mt19937_64{i}();
}

void set(hash_tree& tree, std::size_t i, const digest& d) {
  tree.set(position_of(i), std::to_string(i), d);
}

struct nodes {
  hash_tree mine;
  hash_tree theirs;
};

/// Two equal trees.
nodes equal_nodes(std::mt19937_64& random, std::size_t size) {
  nodes result;
  for (std::size_t i = 0; i < size; ++i) {
    const digest d{random(), random()};
    set(result.mine, i, d);
    set(result.theirs, i, d);
  }
  return result;
}

audit::finding look(audit& by, const nodes& n, std::size_t on_their_way = 0) {
  const auto slice = by.next(on_their_way);
  return by.answered(n.mine, audit_sums(n.theirs, slice));
}

prefixes prefixes_of(const audit::finding& found) {
  prefixes result;
  for (const auto& r : found.ranges)
    result.insert(r.prefix);
  return result;
}

/// The ranges of that depth that hold these entries.
prefixes ranges_of(const std::vector<std::size_t>& entries, unsigned depth) {
  prefixes result;
  for (const auto i : entries)
    result.insert(position_of(i) >> (hash_tree::depth_max - depth));
  return result;
}

TEST(Audit, ComparesTheLowestBitsOfTheSumsOfASlicesParts) {
  std::mt19937_64 random{1};
  const auto [mine, theirs] = equal_nodes(random, 1000);

  for (const auto& slice : {range{}, range{1, 1}, range{5, 9}, range{audit_depth_max, 77}}) {
    const auto sums = audit_sums(mine, slice);
    ASSERT_EQ(sums.size(), 256u);
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < 256; ++i) {
      EXPECT_EQ(sums[i], mine.of({slice.depth + 8, slice.prefix * 256 + i}).sum.low);
      sum += sums[i];
    }
    EXPECT_EQ(sum, mine.of(slice).sum.low);
  }
}

TEST(Audit, FindsNothingAtTheFirstLook) {
  std::mt19937_64 random{1};
  auto n = equal_nodes(random, 100);
  set(n.mine, 7, {1, 2});
  audit a;

  EXPECT_TRUE(look(a, n).ranges.empty());
}

TEST(Audit, FindsTheRangesThatDifferAtBothLooks) {
  std::mt19937_64 random{2};
  auto n = equal_nodes(random, 1000);
  set(n.mine, 7, {1, 2});      // another
  set(n.mine, 77, {});         // only there
  set(n.theirs, 777, {});      // only here
  set(n.mine, 1001, {3, 4});   // new here
  set(n.theirs, 1002, {5, 6}); // new there
  audit a;

  look(a, n);
  const auto found = look(a, n);

  EXPECT_EQ(found.depth, 8u);
  EXPECT_EQ(prefixes_of(found), ranges_of({7, 77, 777, 1001, 1002}, 8));
  for (const auto& [prefix, theirs] : found.ranges)
    EXPECT_EQ(theirs, n.theirs.of({8, prefix}).sum.low);
  EXPECT_TRUE(std::ranges::is_sorted(found.ranges, {}, &repair_walk::difference::prefix));
}

TEST(Audit, FindsADifferenceAlsoWhereBothSidesChangeAlike) {
  std::mt19937_64 random{3};
  auto n = equal_nodes(random, 1000);
  set(n.theirs, 7, {});
  audit a;

  look(a, n);
  for (std::size_t i = 100; i < 400; ++i) {
    const digest d{random(), random()};
    set(n.mine, i, d);
    set(n.theirs, i, d);
  }

  EXPECT_EQ(prefixes_of(look(a, n)), ranges_of({7}, 8));
}

TEST(Audit, FindsNothingBetweenEqualNodes) {
  std::mt19937_64 random{4};
  const auto n = equal_nodes(random, 1000);
  audit a;

  for (int i = 0; i < 10; ++i)
    EXPECT_TRUE(look(a, n, i < 5 ? 0 : 1000).ranges.empty());
}

TEST(Audit, DoesNotFindWhatIsMendedOrDiffersOtherwiseAtTheSecondLook) {
  std::mt19937_64 random{5};
  auto n = equal_nodes(random, 1000);
  audit a;

  set(n.mine, 7, {1, 2});
  set(n.theirs, 8, {});
  look(a, n);
  set(n.theirs, 7, {1, 2}); // has arrived
  set(n.mine, 8, {3, 4});   // was written again
  set(n.mine, 9, {5, 6});   // was not on its way before
  EXPECT_TRUE(look(a, n).ranges.empty());

  look(a, n);
  EXPECT_EQ(prefixes_of(look(a, n)), ranges_of({8, 9}, 8)); // but these stay
}

TEST(Audit, TakesTwoLooksForEachFinding) {
  std::mt19937_64 random{6};
  auto n = equal_nodes(random, 100);
  set(n.mine, 7, {1, 2});
  audit a;

  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(look(a, n).ranges.empty());
    EXPECT_EQ(look(a, n).ranges.size(), 1u);
  }
}

TEST(Audit, TakesNoNoticeOfAnAnswerOfAnotherSize) {
  std::mt19937_64 random{7};
  auto n = equal_nodes(random, 100);
  set(n.mine, 7, {1, 2});
  audit a;

  const auto bad = [&] {
    const auto slice = a.next(0);
    for (const std::size_t size : {0, 1, 255, 257}) {
      auto sums = audit_sums(n.theirs, slice);
      sums.resize(size);
      EXPECT_TRUE(a.answered(n.mine, sums).ranges.empty());
    }
  };
  bad();
  EXPECT_TRUE(look(a, n).ranges.empty());
  bad();
  EXPECT_EQ(prefixes_of(look(a, n)), ranges_of({7}, 8));
}

TEST(Audit, LooksAtTheSmallerASliceTheMoreIsOnItsWay) {
  const auto depth = [](std::size_t on_their_way) { return audit{}.next(on_their_way).depth; };

  EXPECT_EQ(depth(0), 0u);
  EXPECT_EQ(depth(63), 0u);
  EXPECT_EQ(depth(64), 1u);
  EXPECT_EQ(depth(1000), 4u);
  EXPECT_EQ(depth(1'000'000), 14u);
  EXPECT_EQ(depth(SIZE_MAX), audit_depth_max);
  for (std::size_t n = 1; n < 4'000'000; n = n * 2 + 1) // of the ranges at most a quarter is hit
    EXPECT_LE(n * 4, std::size_t{256} << depth(n));
}

TEST(Audit, LooksTwiceAtTheSameSliceWhateverIsOnItsWayThen) {
  std::mt19937_64 random{8};
  auto n = equal_nodes(random, 2000);
  for (std::size_t i = 0; i < 2000; i += 10)
    set(n.mine, i, {1, i + 1});
  audit a;

  const auto slice = a.next(1000);
  EXPECT_EQ(a.next(1000), slice);
  a.answered(n.mine, audit_sums(n.theirs, slice));
  EXPECT_EQ(a.next(0), slice);
  EXPECT_EQ(a.next(1'000'000), slice);
  EXPECT_EQ(a.answered(n.mine, audit_sums(n.theirs, slice)).depth, slice.depth + 8);
  EXPECT_NE(a.next(1000), slice);
}

TEST(Audit, SlicesTakeTurns) {
  const nodes n;
  audit a;
  for (int round = 0; round < 3; ++round)
    for (std::uint64_t prefix = 0; prefix < 16; ++prefix)
      for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(a.next(1000), (range{4, prefix}));
        look(a, n, 1000);
      }
}

TEST(Audit, LeavesNothingOutWhenTheSlicesChangeTheirSize) {
  const nodes n;
  constexpr std::uint64_t everything = std::uint64_t{1} << audit_depth_max;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random{seed};
    audit a;
    std::uint64_t covered = 0; // in ranges of the last depth
    int rounds = 0;
    for (int i = 0; i < 600; ++i) {
      const auto on_their_way = (std::size_t{1} << random() % (seed % 26 + 1)) - 1;
      const auto slice = a.next(on_their_way);
      ASSERT_LE(slice.depth, audit_depth_max);
      ASSERT_EQ(slice.prefix >> slice.depth, 0u);
      const auto size = everything >> slice.depth;
      ASSERT_LE(slice.prefix * size, covered);
      ASSERT_GT((slice.prefix + 1) * size, covered);
      covered = (slice.prefix + 1) * size;
      if (covered == everything) {
        covered = 0;
        ++rounds;
      }
      look(a, n, on_their_way);
      look(a, n, random() % 100'000);
    }
    EXPECT_GT(rounds, 0);
  }
}

/// Entries of which another part is on its way at each look.
class writes {
public:
  writes(std::mt19937_64& random, nodes& n, std::size_t first, std::size_t entries)
      : random_(random), nodes_(n), first_(first), entries_(entries) {}

  void go_on(std::size_t count) {
    for (const auto& [i, d] : on_their_way_)
      set(nodes_.theirs, i, d);
    on_their_way_.clear();
    for (std::size_t i = 0; i < count; ++i) {
      const auto which = first_ + random_() % entries_;
      const digest d{random_(), random_()};
      set(nodes_.mine, which, d);
      on_their_way_[which] = d;
    }
  }

private:
  std::mt19937_64& random_;
  nodes& nodes_;
  std::size_t first_;
  std::size_t entries_;
  std::map<std::size_t, digest> on_their_way_;
};

TEST(Audit, FindsAllThatStaysDifferentWhileThereAreWritesAndNothingElse) {
  std::mt19937_64 random{9};
  auto n = equal_nodes(random, 20'000);
  std::vector<std::size_t> differ;
  for (std::size_t i = 0; i < 60; ++i) {
    differ.push_back(i);
    if (i % 3 == 0)
      set(n.mine, i, {});
    else if (i % 3 == 1)
      set(n.theirs, i, {});
    else
      set(n.mine, i, {random(), random()});
  }
  writes w{random, n, 60, 19'940};
  constexpr std::size_t on_their_way = 1000;
  const auto expected = ranges_of(differ, 12);
  audit a;
  prefixes found;
  const auto round = [&] {
    for (int i = 0; i < 2 * 16; ++i) {
      w.go_on(on_their_way);
      const auto now = look(a, n, on_their_way);
      for (const auto prefix : prefixes_of(now)) {
        EXPECT_EQ(now.depth, 12u);
        found.insert(prefix);
      }
    }
  };

  round();
  EXPECT_GT(found.size() * 3, expected.size());
  for (int i = 0; i < 20 && found != expected; ++i)
    round();
  EXPECT_EQ(found, expected);
}

TEST(Audit, LeadsToExactlyWhatDiffers) {
  for (const std::size_t on_their_way : {0, 1000}) {
    std::mt19937_64 random{10};
    auto n = equal_nodes(random, 5000);
    names only_here;
    names only_there;
    for (std::size_t i = 0; i < 5000; i += 97) {
      if (i % 3 != 0)
        only_here.insert(std::to_string(i));
      if (i % 3 != 1)
        only_there.insert(std::to_string(i));
      set(n.mine, i, i % 3 == 0 ? digest{} : digest{random(), random()});
      set(n.theirs, i, i % 3 == 1 ? digest{} : digest{random(), random()});
    }
    audit a;
    names sent;
    names wanted;
    const auto slices = std::size_t{1} << a.next(on_their_way).depth;
    for (std::size_t slice = 0; slice < slices; ++slice) {
      look(a, n, on_their_way);
      const auto found = look(a, n, on_their_way);
      repair_walk walk{repair_message_bytes_min, found.depth, found.ranges};
      while (const auto& request = walk.next(n.mine)) {
        auto reply = answer_to(*request, n.theirs, repair_message_bytes_min);
        auto named = walk.answered(n.mine, reply.answer);
        ASSERT_TRUE(named);
        for (auto& name : named->take_names(n.mine, SIZE_MAX))
          EXPECT_TRUE(sent.insert(name).second) << name;
        for (auto& name : reply.wanted.take_names(n.theirs, SIZE_MAX))
          EXPECT_TRUE(wanted.insert(name).second) << name;
      }
    }
    EXPECT_EQ(sent, only_here);
    EXPECT_EQ(wanted, only_there);
  }
}

} // namespace
} // namespace starling::replication
