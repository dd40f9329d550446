#include "membership/member_table.hpp"
#include "tests/membership/samples.hpp"

#include <gtest/gtest.h>

#include <string>

namespace starling::membership {

namespace {

using namespace std::chrono_literals;

member said(std::uint64_t number, const incarnation& at, member_state is = member_state::alive) {
  return {numbered(number), {at, is, {}}, std::nullopt};
}

std::uint64_t recomputed_digest(const member_table& t) {
  std::uint64_t digest = 0;
  for (const auto& [id, e] : t.entries())
    digest ^= digest_of(e.record);
  return digest;
}

TEST(MemberTable, IsEmptyAtFirst) {
  const member_table t;
  EXPECT_EQ(t.size(), 0u);
  EXPECT_EQ(t.digest(), 0u);
  EXPECT_EQ(t.find(numbered(1)), nullptr);
}

TEST(MemberTable, SaysWhatANewRecordBrings) {
  member_table t;
  auto m = sample_member();
  m.status.is = member_state::suspect;
  m.status.accusers.insert(numbered(9));

  const auto what = t.join(m, 1s);

  EXPECT_TRUE(what.status && what.accusers && what.profile);
  EXPECT_EQ(t.find(m.id)->record, m);
  EXPECT_EQ(t.find(m.id)->since, 1s);
  EXPECT_FALSE(t.join(m, 2s).any());
}

TEST(MemberTable, AStateIsAsOldAsItsLastChange) {
  member_table t;
  t.join(said(1, {1, 0}), 1s);

  t.join(said(1, {1, 1}), 2s);
  EXPECT_EQ(t.find(numbered(1))->since, 1s) << "it is alive, still";
  t.join(said(1, {1, 1}, member_state::dead), 3s);
  EXPECT_EQ(t.find(numbered(1))->since, 3s);
  t.join(said(1, {1, 1}, member_state::suspect), 4s);
  EXPECT_EQ(t.find(numbered(1))->since, 3s) << "out of date";
}

TEST(MemberTable, TheDigestIsTheOneOfAllRecordsAfterEveryStep) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    random_source random{seed};
    member_table t;
    for (int step = 0; step < 100; ++step) {
      if (random.chance(0.1))
        t.forget(numbered(random.below(6)), 1s * step);
      else
        t.join(random_member(random, 6), 1s * step);
      ASSERT_EQ(t.digest(), recomputed_digest(t)) << "seed " << seed << ", step " << step;
    }
  }
}

TEST(MemberTable, OrderAndRepetitionDoNotMatter) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    random_source random{seed};
    std::vector<member> records;
    for (int i = 0; i < 40; ++i)
      records.push_back(random_member(random, 6));
    member_table a;
    for (const auto& m : records)
      a.join(m, 0s);
    records.insert(records.end(), records.begin(), records.begin() + 20);
    random.shuffle(records);
    member_table b;
    for (const auto& m : records)
      b.join(m, 0s);

    ASSERT_EQ(a.digest(), b.digest()) << "seed " << seed;
    ASSERT_EQ(a.size(), b.size());
    for (const auto& [id, e] : a.entries())
      ASSERT_EQ(e.record, b.find(id)->record) << "seed " << seed;
  }
}

TEST(MemberTable, WhatIsForgottenDoesNotComeBackAtItsIncarnationOrALowerOne) {
  member_table t;
  t.join(said(1, {5, 3}, member_state::dead), 1s);

  t.forget(numbered(1), 2s);

  EXPECT_EQ(t.size(), 0u);
  EXPECT_EQ(t.forgotten(), 1u);
  EXPECT_EQ(t.digest(), 0u);
  for (const auto at : {incarnation{5, 3}, incarnation{5, 2}, incarnation{4, 9}})
    for (const auto is : {member_state::alive, member_state::left}) {
      EXPECT_TRUE(t.is_forgotten(said(1, at, is)));
      EXPECT_FALSE(t.join(said(1, at, is), 3s).any()) << to_string(at);
    }
  EXPECT_EQ(t.size(), 0u);
  EXPECT_FALSE(t.is_forgotten(said(2, {1, 0})));
}

TEST(MemberTable, WhatIsForgottenComesBackAtAHigherIncarnation) {
  member_table t;
  t.join(said(1, {5, 3}, member_state::dead), 1s);
  t.forget(numbered(1), 2s);

  EXPECT_TRUE(t.join(said(1, {5, 4}), 3s).status);

  EXPECT_EQ(t.find(numbered(1))->since, 3s);
  EXPECT_EQ(t.forgotten(), 0u) << "the record itself orders what is said from now on";
}

TEST(MemberTable, WhoIsRecalledIsTheDeadOneThatItWas) {
  member_table t;
  t.join(said(1, {5, 3}, member_state::left), 1s);
  t.forget(numbered(1), 2s);
  auto back = said(1, {5, 1});
  back.profile = sample_profile({4, 0});

  t.recall(back, 3s);

  ASSERT_NE(t.find(numbered(1)), nullptr);
  const auto& e = *t.find(numbered(1));
  EXPECT_EQ(e.record.status, (status{{5, 3}, member_state::dead, {}}));
  EXPECT_EQ(e.record.profile, back.profile);
  EXPECT_EQ(e.since, 3s);
  EXPECT_EQ(t.forgotten(), 0u);
  EXPECT_EQ(t.digest(), recomputed_digest(t));
  EXPECT_FALSE(t.join(said(1, {5, 2}), 4s).any()) << "its claim is still out of date";
  EXPECT_TRUE(t.join(said(1, {5, 4}), 4s).status);
}

TEST(MemberTable, ForgettingAStrangerIsNothing) {
  member_table t;
  t.forget(numbered(1), 1s);
  EXPECT_EQ(t.forgotten(), 0u);
}

TEST(MemberTable, DropsWhatWasForgottenLongAgo) {
  member_table t;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    t.join(said(i, {1, 0}, member_state::dead), 0s);
    t.forget(numbered(i), 1s * i);
  }

  t.prune_forgotten(12s, 10s, 100);

  EXPECT_FALSE(t.is_forgotten(said(1, {1, 0})));
  EXPECT_TRUE(t.is_forgotten(said(2, {1, 0}))) << "10 s old, and not older";
  EXPECT_TRUE(t.is_forgotten(said(3, {1, 0})));
}

TEST(MemberTable, DropsTheOldestOfTooManyForgotten) {
  member_table t;
  for (const std::uint64_t i : {4, 1, 3, 2}) {
    t.join(said(i, {1, 0}, member_state::dead), 0s);
    t.forget(numbered(i), 10s - 1s * i);
  }

  t.prune_forgotten(10s, 1h, 2);

  EXPECT_EQ(t.forgotten(), 2u);
  EXPECT_TRUE(t.is_forgotten(said(1, {1, 0})));
  EXPECT_TRUE(t.is_forgotten(said(2, {1, 0})));
}

TEST(MemberTable, WhatIsErasedWasNeverThere) {
  member_table one;
  member_table other;
  const member later{numbered(1), {{9, 0}, member_state::alive, {}}, std::nullopt};
  const member earlier{numbered(1), {{3, 0}, member_state::dead, {}}, std::nullopt};
  one.join(later, duration{1});

  one.erase(numbered(1));
  one.erase(numbered(2));

  EXPECT_EQ(one.size(), 0u);
  EXPECT_EQ(one.forgotten(), 0u);
  EXPECT_EQ(one.digest(), 0u);
  one.join(earlier, duration{2});
  other.join(earlier, duration{2});
  EXPECT_EQ(one.digest(), other.digest());
  EXPECT_EQ(one.find(numbered(1))->record, earlier);
}

TEST(MemberTable, OfALifeThatNobodyBelievesInEarlierVerdictsStay) {
  member_table t;
  const auto record = [](std::uint64_t generation, member_state is) {
    return member{numbered(1), {{generation, 0}, is, {}}, std::nullopt};
  };
  t.join(record(9, member_state::alive), duration{1});
  t.forget_life(numbered(1), 5, duration{2});
  t.forget_life(numbered(2), 5, duration{2});
  EXPECT_EQ(t.size(), 0u);

  EXPECT_FALSE(t.join(record(3, member_state::alive), duration{3}).any()) << "nothing revives it";
  EXPECT_TRUE(t.join(record(3, member_state::dead), duration{3}).any());
  EXPECT_FALSE(t.join(record(3, member_state::alive), duration{4}).any());
  EXPECT_EQ(t.find(numbered(1))->record.status.is, member_state::dead);
  EXPECT_TRUE(t.join(record(6, member_state::alive), duration{5}).any()) << "a copy lives on";
}

} // namespace

} // namespace starling::membership
