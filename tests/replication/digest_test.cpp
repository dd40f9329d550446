#include "crdt/slot.hpp"
#include "replication/digest.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace starling::replication {
namespace {

const digester digests{wire::secret{"cluster", "key"}.sign("digest", {})};
const crdt::key fruits{crdt::type::set, "fruits"};
const auto ann = crdt::replica_id::from(1, 1);
const auto bob = crdt::replica_id::from(2, 2);

crdt::payload text(std::string x) {
  return {crdt::payload_kind::text, std::move(x)};
}

crdt::value counter(const crdt::replica_id& who, std::int64_t amount) {
  crdt::pn_counter result;
  result.add(who, amount);
  return result;
}

TEST(Digest, IsANumberModulo2To128) {
  const digest largest{UINT64_MAX, UINT64_MAX};
  const digest one{0, 1};

  EXPECT_EQ(largest + one, digest{});
  EXPECT_EQ(digest{} - one, largest);
  EXPECT_EQ((digest{0, UINT64_MAX} + one), (digest{1, 0}));
  EXPECT_EQ((digest{1, 0} - one), (digest{0, UINT64_MAX}));
}

TEST(Digest, OfManyDoesNotDependOnTheirOrder) {
  std::mt19937_64 random{1};
  std::vector<digest> all(100);
  for (auto& d : all)
    d = {random(), random()};
  const auto sum = [&] {
    digest result;
    for (const auto& d : all)
      result += d;
    return result;
  };
  const auto before = sum();

  std::shuffle(all.begin(), all.end(), random);

  EXPECT_EQ(sum(), before);
  EXPECT_EQ(before + all[0] - all[0], before);
}

TEST(Digest, HasTheseValuesForEver) {
  crdt::or_set set;
  set.add(ann, text("apple"));

  const auto of_counter = digests.digest_of({crdt::type::counter, "visitors"}, counter(ann, 5));
  const auto of_set = digests.digest_of(fruits, set);

  EXPECT_EQ(of_counter, (digest{0x0dc9609e76a6e89d, 0x5434b2c8cc857197}));
  EXPECT_EQ(of_set, (digest{0x30901804d4363337, 0x871c058b299eac38}));
  EXPECT_EQ(digests.position_of_member(name_of(fruits)), 0x912fef3cd5bb25d9u);
  EXPECT_EQ(digester{{}}.position_of(fruits), 0xe97eab5ddc7fc40au);
}

TEST(Digest, DependsOnKeyTypeValueAndSecret) {
  const crdt::key visitors{crdt::type::counter, "visitors"};
  const auto d = digests.digest_of(visitors, counter(ann, 5));
  const digester others{wire::secret{"cluster", "another"}.sign("digest", {})};

  EXPECT_NE(digests.digest_of({crdt::type::counter, "other"}, counter(ann, 5)), d);
  EXPECT_NE(digests.digest_of(visitors, counter(ann, 6)), d);
  EXPECT_NE(digests.digest_of(visitors, counter(bob, 5)), d);
  EXPECT_NE(others.digest_of(visitors, counter(ann, 5)), d);
  EXPECT_NE(others.position_of_member("x"), digests.position_of_member("x"));
  EXPECT_NE(others.fingerprint(), digests.fingerprint());
}

TEST(Digest, HasPositionsThatOutliveTheSecret) {
  const auto seed = wire::secret{"cluster", ""}.sign("position", {});
  const digester before{wire::secret{"cluster", "key"}.sign("digest", {}), seed};
  const digester after{wire::secret{"cluster", "another"}.sign("digest", {}), seed};
  const digester elsewhere{wire::secret{"cluster", "key"}.sign("digest", {}), {}};
  const crdt::key visitors{crdt::type::counter, "visitors"};
  EXPECT_EQ(after.position_of(visitors), before.position_of(visitors));
  EXPECT_NE(after.digest_of(visitors, counter(ann, 5)),
            before.digest_of(visitors, counter(ann, 5)));
  EXPECT_NE(elsewhere.position_of(visitors), before.position_of(visitors));
}

TEST(Digest, BeginsPositionsWithTheSlot) {
  const auto in = [](const crdt::key& key) {
    return digests.position_of(key) >> (64 - crdt::slot_bits);
  };
  for (const auto* name : {"", "foo", "{user1000}.following", "fruits"})
    for (const auto type : crdt::types::ids)
      EXPECT_EQ(in({type, name}), crdt::slot_of(name));
  EXPECT_NE(digests.position_of({crdt::type::set, "foo"}),
            digests.position_of({crdt::type::counter, "foo"}));
  EXPECT_NE(digests.position_of({crdt::type::set, "a{foo}"}),
            digests.position_of({crdt::type::set, "b{foo}"}));
}

TEST(Digest, OfAValueAtItsBottomIsZero) {
  for (const auto type : {crdt::type::counter, crdt::type::register_, crdt::type::set})
    EXPECT_EQ(digests.digest_of({type, "x"}, crdt::value{type}), digest{});
}

TEST(Digest, ChangesWhenAMemberMovesFromOneSetToAnother) {
  // Both sets have seen the same events, so only the rows differ.
  crdt::or_set with;
  with.add(ann, text("apple"));
  crdt::or_set without = with;
  without.remove(ann, text("apple"), without.context(text("apple")));
  const crdt::key nuts{crdt::type::set, "nuts"};

  EXPECT_NE(digests.digest_of(fruits, with) + digests.digest_of(nuts, without),
            digests.digest_of(fruits, without) + digests.digest_of(nuts, with));
}

TEST(Digest, OfEqualStatesIsEqualInWhateverOrderTheyWereJoined) {
  for (const auto type : {crdt::type::counter, crdt::type::register_, crdt::type::set}) {
    const crdt::key key{type, "x"};
    std::mt19937_64 random{7};
    std::vector<crdt::value> states;
    for (std::uint64_t i = 1; i <= 6; ++i) {
      const auto who = crdt::replica_id::from(i, i);
      crdt::value v{type};
      for (int n = 0; n < 5; ++n) {
        const auto what = text(std::to_string(random() % 4));
        if (type == crdt::type::counter)
          v.as<crdt::pn_counter>().add(who, 3);
        else if (type == crdt::type::register_)
          v.as<crdt::lww_register>().assign(who, random() % 100, what);
        else if (random() % 3 != 0)
          v.as<crdt::or_set>().add(who, what, v.as<crdt::or_set>().context(what));
        else
          v.as<crdt::or_set>().remove(who, what, v.as<crdt::or_set>().context(what));
      }
      states.push_back(std::move(v));
    }

    std::optional<digest> first;
    for (int trial = 0; trial < 20; ++trial) {
      std::shuffle(states.begin(), states.end(), random);
      crdt::value all{type};
      for (const auto& s : states)
        all.join(s);
      const auto d = digests.digest_of(key, all);
      EXPECT_EQ(d, first.value_or(d)) << to_string(type);
      first = d;
    }
  }
}

/// Three replicas of one set, with digests that follow the rows that change.
class set_history {
public:
  explicit set_history(std::uint64_t seed) : random_(seed), sets_(3), sums_(3) {}

  void step() {
    const auto i = random_() % sets_.size();
    auto& set = sets_[i];
    const auto self = crdt::replica_id::from(i + 1, 1);
    const auto member = text(std::to_string(random_() % 6));
    auto observed = sets_[random_() % sets_.size()].context(member); // perhaps ahead of this set
    if (random_() % 20 == 0)
      observed[self] += random_() % 4; // as a client may forge it
    std::optional<crdt::or_set> delta;
    switch (random_() % 4) {
    case 0:
      follow(i, rows_changed_by(set, self, {member}),
             [&] { delta = set.add(self, member, observed); });
      break;
    case 1:
      follow(i, rows_changed_by(set, self, {member}),
             [&] { delta = set.remove(self, member, observed); });
      break;
    case 2:
      delta = sets_[random_() % sets_.size()];
      break;
    default:
      if (messages_.empty())
        return;
      const auto message = messages_[random_() % messages_.size()];
      follow(i, rows_changed_by(set, message), [&] { delta = set.join(message); });
    }
    if (delta)
      messages_.push_back(std::move(*delta));
  }

  void check() const {
    for (std::size_t i = 0; i < sets_.size(); ++i)
      ASSERT_EQ(sums_[i], digests.digest_of(fruits, sets_[i]));
    for (std::size_t i = 1; i < sets_.size(); ++i)
      ASSERT_EQ(sums_[0] == sums_[i], sets_[0] == sets_[i]);
  }

private:
  template <class Change>
  void follow(std::size_t i, const touched_rows& rows, Change change) {
    sums_[i] -= digests.digest_of(fruits, sets_[i], rows);
    change();
    sums_[i] += digests.digest_of(fruits, sets_[i], rows);
  }

  std::mt19937_64 random_;
  std::vector<crdt::or_set> sets_;
  std::vector<digest> sums_;
  std::vector<crdt::or_set> messages_;
};

TEST(Digest, OfASetFollowsFromTheRowsThatChanged) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    set_history history{seed};
    for (int i = 0; i < 150; ++i) {
      history.step();
      history.check();
      if (testing::Test::HasFatalFailure())
        return;
    }
  }
}

TEST(Digest, OneAddCostsOneRowOfMembersAndOneOfReplicas) {
  crdt::or_set set;
  for (int i = 0; i < 1000; ++i)
    set.add(i % 2 == 0 ? ann : bob, text(std::to_string(i)));
  crdt::or_set other;
  const auto delta = *other.add(crdt::replica_id::from(3, 3), text("new"));

  for (const auto& rows : {rows_changed_by(set, ann, {text("new")}), rows_changed_by(set, delta)}) {
    EXPECT_EQ(rows.members.size(), 1u);
    EXPECT_EQ(rows.replicas.size(), 1u);
  }
}

TEST(Digest, IsShownAsText) {
  EXPECT_EQ(to_string(digest{}), std::string(32, '0'));
  EXPECT_EQ(to_string(digest{0x0123456789abcdef, 0xf0}), "0123456789abcdef00000000000000f0");
}

TEST(Digest, ANameGivesItsKeyBack) {
  for (const auto& key : {fruits, crdt::key{crdt::type::counter, ""},
                          crdt::key{crdt::type::register_, std::string(crdt::key_name_max, 'x')}})
    EXPECT_EQ(key_of(name_of(key)), key);
}

} // namespace
} // namespace starling::replication
