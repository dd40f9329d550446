#include "sim/cluster/disk.hpp"

#include <gtest/gtest.h>

#include <set>

namespace starling::simulation {
namespace {

storage::batch putting(const std::string& name) {
  storage::batch result;
  result.put(name, "there");
  return result;
}

std::string names_in(const disk& d) {
  std::string result;
  for (const auto& [name, value] : d.contents())
    result += name;
  return result;
}

/// What `happen` says for each of many disks.
template <class Function>
std::set<std::string> over_many_disks(Function happen) {
  std::set<std::string> result;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    disk d{dice{seed}};
    result.insert(happen(d));
  }
  return result;
}

using outcomes = std::set<std::string>;

TEST(Disk, CannotReadWhatIsDamagedAndStillHasIt) {
  disk d{dice{1}};
  EXPECT_FALSE(d.commit({putting("a"), putting("b")}, true));
  d.damage({{"b", "c"}});
  EXPECT_EQ(std::get<0>(d.now()->find("a")), "there");
  EXPECT_EQ(std::get<storage::failure>(d.now()->find("b")).kind, storage::trouble::corrupted);
  EXPECT_EQ(std::get<0>(d.undamaged()->find("b")), "there");
}

TEST(Disk, ShowsACommitWhenItIsOver) {
  disk d{dice{1}};

  d.begin({putting("a"), putting("b")}, true);
  EXPECT_EQ(names_in(d), "");
  EXPECT_FALSE(d.finish());
  EXPECT_EQ(names_in(d), "ab");
}

TEST(Disk, HasTheCommitUnderWayWholeOrNotWhenTheProcessIsKilled) {
  const auto seen = over_many_disks([](disk& d) {
    EXPECT_FALSE(d.commit({putting("a")}, false));
    d.begin({putting("b"), putting("c")}, false);
    const auto left = d.reopen(false);
    EXPECT_TRUE(left.is_whole);
    EXPECT_EQ(left.has_last, names_in(d) == "abc");
    return names_in(d);
  });

  EXPECT_EQ(seen, (outcomes{"a", "abc"}));
}

TEST(Disk, LosesWhatIsNotSyncedFromSomeGroupOnWhenThePowerFails) {
  const auto seen = over_many_disks([](disk& d) {
    EXPECT_FALSE(d.commit({putting("a")}, false));
    EXPECT_FALSE(d.commit({putting("b")}, true));
    EXPECT_FALSE(d.commit({putting("c"), putting("d")}, false));
    EXPECT_FALSE(d.commit({putting("e")}, false));
    const auto left = d.reopen(true);
    EXPECT_EQ(left.is_whole, names_in(d) == "abcde");
    return names_in(d);
  });

  EXPECT_EQ(seen, (outcomes{"ab", "abcd", "abcde"}));
}

TEST(Disk, HasNoCommitUnderWayWithoutTheOnesBeforeIt) {
  const auto seen = over_many_disks([](disk& d) {
    EXPECT_FALSE(d.commit({putting("a")}, false));
    d.begin({putting("b")}, true);
    d.reopen(true);
    return names_in(d);
  });

  EXPECT_EQ(seen, (outcomes{"", "a", "ab"}));
}

TEST(Disk, ThatIsFullTakesNothingUntilItIsOpenedAgain) {
  const auto seen = over_many_disks([](disk& d) {
    EXPECT_FALSE(d.commit({putting("a")}, true));
    d.fill();
    EXPECT_TRUE(d.commit({putting("b")}, true));
    EXPECT_TRUE(d.commit({putting("c")}, true));
    EXPECT_TRUE(d.sync());
    EXPECT_EQ(names_in(d), "a");
    d.reopen(false);
    EXPECT_FALSE(d.commit({putting("d")}, true));
    return names_in(d);
  });

  EXPECT_EQ(seen, (outcomes{"ad", "abd"}));
}

TEST(Disk, MayLackSomeGroupsAndHaveLaterOnes) {
  const auto seen = over_many_disks([](disk& d) {
    for (const auto* name : {"a", "b", "c"})
      EXPECT_FALSE(d.commit({putting(name)}, true));
    std::string names;
    for (const auto& [name, value] : d.patchwork())
      names += name;
    return names;
  });

  EXPECT_EQ(seen, (outcomes{"", "a", "ab", "abc", "ac", "bc", "c"}));
}

} // namespace
} // namespace starling::simulation
