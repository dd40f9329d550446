#include "replication/digested_value.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace starling::replication {
namespace {

const digester digests{wire::secret{"cluster", "key"}.sign("digest", {})};

constexpr auto all_types = {crdt::type::counter, crdt::type::register_, crdt::type::set};

crdt::payload text(std::string x) {
  return {crdt::payload_kind::text, std::move(x)};
}

crdt::set_change adds(const std::string& member) {
  return {{{text(member), std::nullopt}}, {}};
}

bool has_dead_entry(const crdt::value& v) {
  return std::ranges::any_of(v.as<crdt::or_set>().clocks(), [](const auto& row) {
    return std::ranges::any_of(row.second, [](const auto& entry) { return !entry.live; });
  });
}

/// Four replicas of one value that change and hear of each other, of some changes late or never.
class cluster {
public:
  cluster(std::uint64_t seed, crdt::type t)
      : key{t, "key"}, replicas(4, digested_value{key}), random_(seed) {}

  /// Changes one replica, and returns it.
  digested_value& step() {
    const auto i = random_() % replicas.size();
    auto& one = replicas[i];
    const auto self = crdt::replica_id::from(i + 1, 1);
    const auto kind = random_() % 8;
    if (kind < 4) {
      const auto result = one.apply(key, command(), self, random_() % 1000, digests);
      if (const auto* delta = std::get_if<std::optional<crdt::value>>(&result); delta && *delta)
        messages_.push_back(**delta);
    } else if (kind < 7 && !messages_.empty()) {
      // The news is a delta that is joined elsewhere, too.
      if (auto news = one.join(key, messages_[random_() % messages_.size()], digests))
        messages_.push_back(std::move(*news));
    } else if (random_() % 4 == 0) {
      one.join(key, replicas[random_() % replicas.size()].value(), digests);
    }
    return one;
  }

  crdt::key key;
  std::vector<digested_value> replicas;

private:
  crdt::command command() {
    if (key.type == crdt::type::counter)
      return crdt::counter_add{
          random_() % 20 == 0 ? INT64_MAX - 5 : static_cast<std::int64_t>(random_() % 100) + 1};
    if (key.type == crdt::type::register_)
      return crdt::register_assign{text(std::to_string(random_() % 5))};
    crdt::set_change result;
    for (int member = 0; member < 12; ++member) {
      crdt::member_change one{text(std::to_string(member)), std::nullopt};
      if (random_() % 2 == 0) {
        const auto& observer = replicas[random_() % replicas.size()].value();
        one.observed = observer.as<crdt::or_set>().context(one.member);
        if (random_() % 4 == 0) // forged, or of a life whose last writes were lost
          (*one.observed)[crdt::replica_id::from(random_() % 4 + 1, 1)] += random_() % 5;
      }
      if (const auto what = random_() % 8; what == 0)
        result.add.push_back(std::move(one));
      else if (what == 1)
        result.remove.push_back(std::move(one));
    }
    return result;
  }

  std::mt19937_64 random_;
  std::vector<crdt::value> messages_;
};

TEST(DigestedValue, HasTheDigestOfItsValueWhateverIsDone) {
  for (const auto type : all_types) {
    std::size_t with_dead_entries = 0;
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      SCOPED_TRACE(std::string{to_string(type)} + ", seed " + std::to_string(seed));
      cluster c{seed, type};
      for (int i = 0; i < 150; ++i) {
        const auto& changed = c.step();
        ASSERT_EQ(changed.digest(), digests.digest_of(c.key, changed.value())) << "step " << i;
        if (type == crdt::type::set && has_dead_entry(changed.value()))
          ++with_dead_entries;
      }
    }
    if (type == crdt::type::set) {
      EXPECT_GT(with_dead_entries, 500u);
    }
  }
}

TEST(DigestedValue, HasEqualDigestsWhereStatesHaveBecomeEqual) {
  for (const auto type : all_types)
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      SCOPED_TRACE(std::string{to_string(type)} + ", seed " + std::to_string(seed));
      cluster c{seed, type};
      for (int i = 0; i < 100; ++i)
        c.step();
      for (auto& to : c.replicas)
        for (const auto& from : c.replicas)
          to.join(c.key, from.value(), digests);
      c.replicas.front().join(c.key, c.replicas.back().value(), digests);

      EXPECT_EQ(c.replicas.front().value(), c.replicas.back().value());
      EXPECT_EQ(c.replicas.front().digest(), c.replicas.back().digest());
    }
}

TEST(DigestedValue, IsZeroAtTheBottom) {
  for (const auto type : all_types) {
    const crdt::key key{type, "x"};
    EXPECT_EQ(digested_value{key}.value(), crdt::value{type});
    EXPECT_EQ(digested_value{key}.digest(), digest{});
    EXPECT_EQ((digested_value{key, crdt::value{type}, digests}.digest()), digest{});
  }
}

TEST(DigestedValue, GoesOnFromAValueThatWasKept) {
  for (const auto type : all_types) {
    cluster c{1, type};
    for (int i = 0; i < 100; ++i)
      c.step();

    const auto& was = c.replicas.front();
    digested_value kept{c.key, was.value(), digests};
    EXPECT_EQ(kept.value(), was.value());
    EXPECT_EQ(kept.digest(), was.digest());
    kept.join(c.key, c.replicas.back().value(), digests);
    EXPECT_EQ(kept.digest(), digests.digest_of(c.key, kept.value()));
  }
}

TEST(DigestedValue, DoesWhatItsValueDoes) {
  const crdt::key fruits{crdt::type::set, "fruits"};
  const auto ann = crdt::replica_id::from(1, 1);
  crdt::value plain{crdt::type::set};
  digested_value digested{fruits};

  EXPECT_EQ(digested.apply(fruits, adds("apple"), ann, 5, digests),
            crdt::apply(plain, adds("apple"), ann, 5));
  EXPECT_EQ(digested.value(), plain);
  EXPECT_EQ(digested.join(fruits, plain, digests), std::nullopt);

  crdt::or_set other;
  other.add(crdt::replica_id::from(2, 2), text("plum"));
  EXPECT_EQ(digested.join(fruits, other, digests), plain.join(other));
  EXPECT_EQ(digested.value(), plain);
}

TEST(DigestedValue, StaysAsItIsWhereACommandIsRefused) {
  const auto ann = crdt::replica_id::from(1, 1);
  const crdt::key visitors{crdt::type::counter, "visitors"};
  digested_value counter{visitors};
  counter.apply(visitors, crdt::counter_add{INT64_MAX}, ann, 0, digests);
  const auto before = counter.digest();

  EXPECT_EQ(counter.apply(visitors, crdt::counter_add{1}, ann, 0, digests),
            crdt::outcome{crdt::refusal::counter_range});
  EXPECT_EQ(counter.digest(), before);
}

TEST(DigestedValue, StaysRightWhereAnEventOfOnesOwnEndsADeadEntryOfAnotherMember) {
  const auto ann = crdt::replica_id::from(1, 1);
  const crdt::key fruits{crdt::type::set, "fruits"};
  crdt::or_set other;
  other.remove(crdt::replica_id::from(2, 2), text("plum"), {{ann, 1}}); // it never was observed
  digested_value set{fruits};
  set.join(fruits, other, digests);
  ASSERT_TRUE(has_dead_entry(set.value()));

  set.apply(fruits, adds("apple"), ann, 0, digests);

  EXPECT_FALSE(has_dead_entry(set.value()));
  EXPECT_EQ(set.digest(), digests.digest_of(fruits, set.value()));
}

TEST(DigestedValue, StaysRightWhereNoEventNumberIsLeft) {
  const auto ann = crdt::replica_id::from(1, 1);
  const crdt::key fruits{crdt::type::set, "fruits"};
  crdt::causal_context forged;
  forged.insert({ann, crdt::event_number_max});
  digested_value set{fruits, crdt::or_set{forged, {}}, digests};

  EXPECT_EQ(set.apply(fruits, adds("apple"), ann, 0, digests),
            crdt::outcome{crdt::refusal::exhausted});
  EXPECT_EQ(set.digest(), digests.digest_of(fruits, set.value()));
}

} // namespace
} // namespace starling::replication
