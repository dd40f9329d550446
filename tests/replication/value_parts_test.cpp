#include "crdt/value.hpp"
#include "replication/value_parts.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace starling::replication {
namespace {

using crdt::or_set;

crdt::payload member(std::size_t i, std::size_t size = 1) {
  return {crdt::payload_kind::text, std::to_string(i) + std::string(size, 'x')};
}

crdt::replica_id replica(std::uint64_t i) {
  return crdt::replica_id::from(5, i);
}

/// States of several replicas that have exchanged deltas, some of which got lost: with gaps, with
/// dead entries beyond them, with members that several have added.
std::vector<or_set> random_states(std::mt19937_64& random) {
  std::vector<or_set> states(3);
  for (auto step = 10 + random() % 120; step > 0; --step) {
    const auto at = random() % states.size();
    const auto what = member(random() % 12, random() % 40);
    const auto delta =
        random() % 3 != 0
            ? states[at].add(replica(at), what,
                             random() % 2 == 0 ? states[at].context(what) : crdt::version_vector{})
            : states[at].remove(replica(at), what, states[random() % 3].context(what));
    for (auto& other : states)
      if (delta && random() % 2 == 0)
        other.join(*delta);
  }
  return states;
}

std::string bytes_of(const or_set& s) {
  return crdt::value{s}.encode();
}

/// The parts, decoded: each is one that can travel, encoded as its value is.
std::vector<or_set> decoded_parts(const or_set& whole, std::size_t bytes_max) {
  std::vector<or_set> result;
  for (const auto& part : parts_of(whole, bytes_max)) {
    auto decoded = crdt::value::decode(part);
    if (const auto* error = std::get_if<wire::decode_error>(&decoded)) {
      ADD_FAILURE() << error->what;
      continue;
    }
    auto& value = std::get<crdt::value>(decoded);
    EXPECT_EQ(value.encode(), part);
    result.push_back(std::move(value.as<or_set>()));
  }
  return result;
}

TEST(ValueParts, AreTheWholeInAnyOrderWhateverTheyAreJoinedInto) {
  std::mt19937_64 random{1};
  std::size_t cut = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    auto states = random_states(random);
    const auto whole = states[0];
    auto parts = decoded_parts(whole, 60 + random() % 500);
    cut += parts.size() > 1 ? 1 : 0;
    std::ranges::shuffle(parts, random);

    for (const auto& before : {or_set{}, states[1], states[2]}) {
      auto expected = before;
      expected.join(whole);
      auto in_parts = before;
      for (const auto& part : parts)
        in_parts.join(part);
      ASSERT_EQ(in_parts, expected) << trial;
    }
  }
  EXPECT_GT(cut, 1000u);
}

TEST(ValueParts, TakeNothingAwayWhenSomeOfThemAreMissing) {
  std::mt19937_64 random{2};
  for (int trial = 0; trial < 500; ++trial) {
    auto states = random_states(random);
    const auto parts = decoded_parts(states[0], 100);
    auto some = states[0];
    some.join(states[1]); // it has what the parts bring
    const auto before = some;
    for (const auto& part : parts)
      if (random() % 2 == 0)
        some.join(part);
    ASSERT_EQ(some, before) << "a part says no more than the whole";
  }
}

TEST(ValueParts, AreNeverEmpty) {
  std::mt19937_64 random{3};
  for (int trial = 0; trial < 500; ++trial)
    for (const auto& part : decoded_parts(random_states(random)[0], 80))
      ASSERT_FALSE(part.empty());
}

TEST(ValueParts, HoldNoMoreThanTheyMayButForOneMember) {
  or_set whole;
  for (std::size_t i = 0; i < 5000; ++i)
    whole.add(replica(i % 3), member(i, i % 50));
  whole.add(replica(1), member(0, 3000));
  const auto parts = decoded_parts(whole, 1000);

  std::size_t largest = 0;
  std::size_t larger = 0;
  for (const auto& part : parts) {
    largest = std::max(largest, bytes_of(part).size());
    larger += bytes_of(part).size() > 1000 ? 1 : 0;
  }
  EXPECT_LE(larger, 1u);
  EXPECT_LE(largest, 3200u);
  EXPECT_LE(parts.size(), 2 * bytes_of(whole).size() / 1000 + 10) << "nor much less";
}

TEST(ValueParts, OfASmallSetAreOne) {
  or_set whole;
  whole.add(replica(1), member(1));

  EXPECT_EQ(decoded_parts(whole, 1000), std::vector{whole});
}

TEST(ValueParts, OfASetThatHoldsNothingAnyMoreAreSmall) {
  or_set whole;
  for (std::size_t i = 0; i < 1000; ++i) {
    whole.add(replica(1), member(i, 100));
    whole.remove(replica(1), member(i, 100), whole.context(member(i, 100)));
  }

  EXPECT_EQ(decoded_parts(whole, 200), std::vector{whole});
}

TEST(ValueParts, ReplaceAnAddAtOnce) {
  or_set old;
  old.add(replica(1), member(1, 50));
  auto copy = old;
  or_set delta = *copy.add(replica(2), member(1, 50), copy.context(member(1, 50)));
  delta.join(*copy.add(replica(2), member(2, 50)));

  auto left = old;
  for (const auto& part : decoded_parts(delta, 60)) {
    left.join(part);
    EXPECT_TRUE(left.contains(member(1, 50)));
  }
  EXPECT_EQ(left.rows().at(member(1, 50)).size(), copy.rows().at(member(1, 50)).size());
}

} // namespace
} // namespace starling::replication
