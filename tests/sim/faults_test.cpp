#include "sim/faults.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace starling::simulation {
namespace {

using std::chrono::seconds;

fault_plan plan_without(fault_mask without) {
  return {.hosts = 7, .begin = seconds{5}, .end = seconds{65}, .without = without};
}

bool are_equal(const fault& a, const fault& b) {
  return a.kind == b.kind && a.at == b.at && a.lasts == b.lasts && a.who == b.who &&
         a.degree == b.degree && a.salt == b.salt;
}

TEST(Faults, HaveNamesThatLeadBack) {
  for (std::size_t i = 0; i < fault_kinds; ++i) {
    const auto kind = static_cast<fault_kind>(i);
    EXPECT_EQ(fault_kind_named(to_string(kind)), kind);
  }
  EXPECT_EQ(fault_kind_named("bad-luck"), std::nullopt);
}

TEST(Faults, OfOneKindAreTheSameWhicheverOthersThereAre) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const auto all = draw_faults(seed, plan_without({}));
    for (const auto& [kind, number] : {std::pair{fault_kind::loss, 0}, {fault_kind::crash, 1}}) {
      fault_mask without;
      without.set(static_cast<std::size_t>(kind));
      auto expected = all;
      std::erase_if(expected, [k = kind](const fault& f) { return f.kind == k; });

      EXPECT_TRUE(std::ranges::equal(draw_faults(seed, plan_without(without)), expected, are_equal))
          << "seed " << seed;
    }
  }
}

TEST(Faults, AreOverWhenThePlanSaysSo) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed)
    for (const auto& f : draw_faults(seed, plan_without({}))) {
      EXPECT_LE(f.end(), seconds{65}) << to_string(f.kind);
      EXPECT_LT(f.who, 7u);
      for (const auto& one : disturbances_of(f, 7)) {
        EXPECT_GE(one.at, f.at);
        EXPECT_LE(one.at + one.lasts, f.end());
      }
    }
}

TEST(Faults, OfEachKindOccurInSomeSeed) {
  std::set<fault_kind> seen;
  for (std::uint64_t seed = 1; seed <= 300; ++seed)
    for (const auto& f : draw_faults(seed, plan_without({})))
      seen.insert(f.kind);

  EXPECT_EQ(seen.size(), fault_kinds);
}

/// Which links a fault of some kind cuts among five hosts.
std::set<std::pair<std::size_t, std::size_t>> cut_by(fault_kind kind, std::uint64_t salt) {
  timeline time;
  network net{time, dice{1}};
  const fault f{.kind = kind, .lasts = seconds{1}, .salt = salt};
  for (const auto& one : disturbances_of(f, 5))
    net.disturb(one.what);
  std::set<std::pair<std::size_t, std::size_t>> result;
  for (std::uint16_t from = 0; from < 5; ++from)
    for (std::uint16_t to = 0; to < 5; ++to)
      if (net.is_cut({from, 1}, {to, 1}))
        result.emplace(from, to);
  return result;
}

TEST(Faults, PartitionsCutBothWaysAndOneWayPartitionsOnlyOne) {
  for (std::uint64_t salt = 1; salt <= 50; ++salt) {
    for (const auto& [from, to] : cut_by(fault_kind::partition, salt))
      EXPECT_TRUE(cut_by(fault_kind::partition, salt).contains({to, from}));
    for (const auto& [from, to] : cut_by(fault_kind::one_way_partition, salt))
      EXPECT_FALSE(cut_by(fault_kind::one_way_partition, salt).contains({to, from}));
  }
}

TEST(Faults, BridgesLeaveOneHostThatReachesAll) {
  for (std::uint64_t salt = 1; salt <= 50; ++salt) {
    const auto cut = cut_by(fault_kind::bridge, salt);
    std::size_t free = 0;
    for (std::size_t host = 0; host < 5; ++host)
      free += std::ranges::none_of(
          cut, [&](const auto& link) { return link.first == host || link.second == host; });
    EXPECT_GE(free, 1u) << "salt " << salt;
  }
}

TEST(Faults, ThreeWayPartitionsCutWhateverIsNotInOneGroup) {
  for (std::uint64_t salt = 1; salt <= 50; ++salt) {
    const auto cut = cut_by(fault_kind::three_way, salt);
    // Being together is transitive.
    for (std::size_t a = 0; a < 5; ++a)
      for (std::size_t b = 0; b < 5; ++b)
        for (std::size_t c = 0; c < 5; ++c)
          if (!cut.contains({a, b}) && !cut.contains({b, c})) {
            EXPECT_FALSE(cut.contains({a, c})) << "salt " << salt;
          }
  }
}

} // namespace
} // namespace starling::simulation
