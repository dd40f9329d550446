#include "storage/held_value.hpp"
#include "storage/memory_store.hpp"
#include "storage/reading.hpp"
#include "tests/crdt/subjects.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>

namespace starling::storage {
namespace {

const replication::digester digests{wire::secret{"cluster", "key"}.sign("digest", {})};

constexpr auto all_types = crdt::types::ids;
const auto ann = crdt::replica_id::from(1, 1);
const crdt::key fruits{crdt::type::set, "fruits"};

crdt::payload text(std::string x) {
  return {crdt::payload_kind::text, std::move(x)};
}

crdt::command adds(const std::string& member) {
  return crdt::set_change{{{text(member), std::nullopt}}, {}};
}

bool has_dead_entry(const crdt::value& v) {
  return std::ranges::any_of(v.as<crdt::or_set>().rows(), [](const auto& row) {
    return std::ranges::any_of(row.second, [](const auto& entry) { return !entry.live; });
  });
}

/// All rows of a store.
std::map<std::string, std::string> rows_of(const store& s) {
  std::map<std::string, std::string> result;
  EXPECT_FALSE(s.now()->scan({}, "~", [&](std::string_view name, std::string_view value) {
    result.emplace(name, value);
    return true;
  }));
  return result;
}

std::map<std::string, std::string> rows_of(const held_value& v) {
  memory_store s;
  EXPECT_FALSE(s.commit({v.rows()}, true));
  return rows_of(s);
}

template <class T>
T take(found<T> result) {
  if (const auto* why = std::get_if<failure>(&result))
    throw std::runtime_error{why->what};
  return std::get<T>(std::move(result));
}

/// A value of which only those rows are in memory that were needed since it was last let go.
class stored_value {
public:
  explicit stored_value(crdt::key key) : key_(std::move(key)), held_(key_) {}

  template <class Change, class... Lacks>
  auto change(const Change& what, const Lacks&... lacks) {
    if (const auto wanted = held_.lacks(what, lacks...); !wanted.empty()) {
      ++loads;
      auto rows = take(read_rows(*store.now(), key_, wanted));
      held_.add_rows(rows.asked, std::move(rows.rows));
    }
    batch changed;
    auto result = apply(what, lacks..., changed);
    waiting_.push_back(std::move(changed));
    return result;
  }

  void commit() {
    EXPECT_FALSE(store.commit(waiting_, true));
    waiting_.clear();
  }

  /// Begins anew with what is in the store.
  void reload() {
    commit();
    auto kept = take(read_value(*store.now(), key_, 0, digests));
    held_ = kept ? std::move(*kept) : held_value{key_};
  }

  void let_go() {
    commit();
    held_.let_go();
  }

  const held_value& held() const { return held_; }

  memory_store store;
  std::size_t loads = 0;

private:
  auto apply(const crdt::command& c, const crdt::replica_id& self, batch& changed) {
    return held_.apply(c, self, 1000, digests, &changed);
  }
  auto apply(const crdt::value& part, batch& changed) {
    return held_.join(part, digests, &changed);
  }

  crdt::key key_;
  held_value held_;
  std::vector<batch> waiting_;
};

/// A replica three times: as a plain value, held whole, and with its rows in a store.
struct replica {
  explicit replica(const crdt::key& key) : plain(key.type), whole(key), stored(key) {}

  crdt::value plain;
  held_value whole;
  stored_value stored;
};

/// Four replicas of one value that change and hear of each other, of some changes late or never.
class cluster {
public:
  cluster(std::uint64_t seed, crdt::type t) : key{t, "key"}, random_(seed) {
    for (int i = 0; i < 4; ++i)
      replicas.emplace_back(key);
  }

  /// Changes one replica in all three forms, which must do the same, and returns it.
  const replica& step() {
    const auto i = random_() % replicas.size();
    auto& one = replicas[i];
    const auto self = crdt::replica_id::from(i + 1, 1);
    const auto kind = random_() % 8;
    if (kind < 4) {
      const auto what = command();
      const auto result = crdt::apply(one.plain, what, self, 1000);
      EXPECT_EQ(one.whole.apply(what, self, 1000, digests), result);
      EXPECT_EQ(one.stored.change(what, self), result);
      if (const auto* delta = std::get_if<std::optional<crdt::value>>(&result); delta && *delta)
        messages_.push_back(**delta);
    } else if (kind < 7 && !messages_.empty()) {
      // The news is a delta that is joined elsewhere, too.
      if (auto news = join(one, messages_[random_() % messages_.size()]))
        messages_.push_back(std::move(*news));
    } else if (random_() % 4 == 0) {
      join(one, replicas[random_() % replicas.size()].plain);
    }
    if (const auto after = random_() % 12; after == 0)
      one.stored.reload();
    else if (after == 1)
      one.stored.let_go();
    else if (after < 6)
      one.stored.commit();
    return one;
  }

  crdt::key key;
  std::deque<replica> replicas;

private:
  static std::optional<crdt::value> join(replica& one, const crdt::value& part) {
    auto result = one.plain.join(part);
    EXPECT_EQ(one.whole.join(part, digests), result);
    EXPECT_EQ(one.stored.change(part), result);
    return result;
  }

  crdt::command command() {
    if (key.type != crdt::type::set)
      return crdt::command_for(replicas[random_() % replicas.size()].plain,
                               static_cast<unsigned>(random_()));
    crdt::set_change result;
    for (int member = 0; member < 12; ++member) {
      crdt::member_change one{text(std::to_string(member)), std::nullopt};
      if (random_() % 2 == 0) {
        const auto& observer = replicas[random_() % replicas.size()].plain;
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

TEST(HeldValue, DoesWhatItsValueDoesWhateverRowsOfItAreHere) {
  for (const auto type : all_types) {
    std::size_t with_dead_entries = 0;
    std::size_t loads = 0;
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      SCOPED_TRACE(std::string{to_string(type)} + ", seed " + std::to_string(seed));
      cluster c{seed, type};
      for (int i = 0; i < 150; ++i) {
        const auto& [plain, whole, stored] = c.step();
        ASSERT_FALSE(testing::Test::HasFailure()) << "step " << i;
        ASSERT_EQ(whole.value(), plain) << "step " << i;
        ASSERT_EQ(whole.digest(), digests.digest_of(c.key, plain)) << "step " << i;
        ASSERT_EQ(stored.held().digest(), whole.digest()) << "step " << i;
        ASSERT_EQ(stored.held().members(), whole.members()) << "step " << i;
        ASSERT_EQ(stored.held().footprint(), plain.footprint()) << "step " << i;
        if (type == crdt::type::set && has_dead_entry(plain))
          ++with_dead_entries;
      }
      for (auto& one : c.replicas) {
        one.stored.commit();
        ASSERT_EQ(rows_of(one.stored.store), rows_of(one.whole));
        loads += one.stored.loads;
      }
    }
    if (type == crdt::type::set) {
      EXPECT_GT(with_dead_entries, 500u);
    }
    if (crdt::has_rows(type)) {
      EXPECT_GT(loads, 1000u);
    }
  }
}

TEST(HeldValue, IsWholeAgainOnceAllItsRowsAreRead) {
  for (const auto type : all_types)
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      SCOPED_TRACE(std::string{to_string(type)} + ", seed " + std::to_string(seed));
      cluster c{seed, type};
      for (int i = 0; i < 100; ++i)
        c.step();
      for (auto& one : c.replicas) {
        one.stored.commit();
        const auto read = take(read_value(*one.stored.store.now(), c.key, UINT64_MAX, digests));
        if (one.plain.empty()) {
          EXPECT_FALSE(read);
          continue;
        }
        ASSERT_TRUE(read && read->is_whole());
        EXPECT_EQ(read->value(), one.plain);
        EXPECT_EQ(read->members(), one.whole.members());
        EXPECT_EQ(rows_of(*read), rows_of(one.whole));
      }
    }
}

TEST(HeldValue, HasEqualDigestsWhereStatesHaveBecomeEqual) {
  for (const auto type : all_types)
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      SCOPED_TRACE(std::string{to_string(type)} + ", seed " + std::to_string(seed));
      cluster c{seed, type};
      for (int i = 0; i < 100; ++i)
        c.step();
      for (auto& to : c.replicas)
        for (const auto& from : c.replicas)
          to.whole.join(from.whole.value(), digests);
      c.replicas.front().whole.join(c.replicas.back().whole.value(), digests);

      EXPECT_EQ(c.replicas.front().whole.value(), c.replicas.back().whole.value());
      EXPECT_EQ(c.replicas.front().whole.digest(), c.replicas.back().whole.digest());
    }
}

TEST(HeldValue, HasTheDigestZeroAndNoRowsAtTheBottom) {
  for (const auto type : all_types) {
    const held_value nothing{crdt::key{type, "x"}};
    EXPECT_EQ(nothing.value(), crdt::value{type});
    EXPECT_EQ(nothing.digest(), replication::digest{});
    EXPECT_TRUE(nothing.empty());
    EXPECT_TRUE(nothing.rows().empty());
    EXPECT_EQ((held_value{{type, "x"}, crdt::value{type}, digests}.digest()),
              replication::digest{});
  }
}

TEST(HeldValue, GoesOnFromAValueThatWasKept) {
  for (const auto type : all_types) {
    cluster c{1, type};
    for (int i = 0; i < 100; ++i)
      c.step();

    const auto& was = c.replicas.front().whole;
    held_value kept{c.key, was.value(), digests};
    EXPECT_EQ(rows_of(kept), rows_of(was));
    kept.join(c.replicas.back().plain, digests);
    EXPECT_EQ(kept.digest(), digests.digest_of(c.key, kept.value()));
  }
}

TEST(HeldValue, WritesOneRowForAMemberHoweverLargeTheSetIs) {
  held_value set{fruits};
  for (int i = 0; i < 1000; ++i)
    set.apply(adds(std::to_string(i)), ann, 0, digests);

  batch changed;
  set.apply(adds("apple"), ann, 0, digests, &changed);

  // The head, the member, and the index by which its event finds it.
  EXPECT_EQ(changed.changes().size(), 3u);

  batch again;
  set.apply(adds("apple"), ann, 0, digests, &again);
  EXPECT_EQ(again.changes().size(), 3u) << "both events share a row of the index";
}

TEST(HeldValue, WritesOneRowOfTheIndexForManyEvents) {
  held_value set{fruits};
  crdt::set_change all;
  for (int i = 0; i < 1000; ++i)
    all.add.push_back({text(std::to_string(i)), {}});
  constexpr std::size_t blocks = 32; // of 1000 events and those around them
  batch added;
  set.apply(all, ann, 0, digests, &added);
  EXPECT_EQ(added.size(), 1000 + blocks + 2) << "with the head and the list";
  batch again;
  set.apply(all, ann, 0, digests, &again);
  EXPECT_LE(again.size(), 1000 + 2 * blocks + 1);
  std::swap(all.add, all.remove);
  batch removed;
  set.apply(all, ann, 0, digests, &removed);
  EXPECT_LE(removed.size(), 1000 + blocks + 1);
}

TEST(HeldValue, ReplacesTheRowsOfAMemberThatIsAddedAgain) {
  held_value set{fruits};
  memory_store kept;
  for (int i = 0; i < 3; ++i) {
    batch changed;
    set.apply(adds("apple"), ann, 0, digests, &changed);
    EXPECT_FALSE(kept.commit({changed}, true));
  }
  EXPECT_EQ(rows_of(kept).size(), 4u) << "the head, the list, the member and the index";
}

TEST(HeldValue, WritesNothingWhereNothingChanges) {
  for (const auto type : all_types) {
    cluster c{3, type};
    for (int i = 0; i < 50; ++i)
      c.step();
    for (auto& one : c.replicas) {
      const auto same = one.plain;
      batch changed;
      EXPECT_EQ(one.whole.join(same, digests, &changed), std::nullopt);
      EXPECT_TRUE(changed.empty());
    }
  }
}

TEST(HeldValue, LacksTheRowsThatAnOperationTouches) {
  held_value set{fruits};
  crdt::or_set other;
  const auto ben = crdt::replica_id::from(2, 2);
  other.add(ben, text("plum"));
  set.join(other, digests);
  set.apply(adds("apple"), ann, 0, digests);
  EXPECT_TRUE(set.lacks(adds("pear"), ann).empty()) << "it is whole";

  set.let_go();

  EXPECT_FALSE(set.is_whole());
  EXPECT_EQ(set.lacks(crdt::one_member{text("pear")}).members, std::vector{text("pear")});
  const auto wanted = set.lacks(adds("pear"), ann);
  EXPECT_EQ(wanted.members, std::vector{text("pear")});
  EXPECT_TRUE(wanted.live.empty() && wanted.dead.empty());

  other.remove(ben, text("plum"), {{ben, 1}});
  const auto by_event = set.lacks(crdt::value{other});
  EXPECT_TRUE(by_event.members.empty());
  EXPECT_TRUE(by_event.live.contains({ben, 1}));
}

TEST(HeldValue, ShowsOfAPartWhatTheWholeShows) {
  held_value whole{fruits};
  for (const auto* name : {"apple", "fig", "pear"})
    whole.apply(adds(name), ann, 0, digests);
  auto part = whole;
  part.let_go();
  part.add_rows({text("fig"), text("plum")},
                crdt::rows_of<crdt::set_type>{
                    {{text("fig"), whole.value().as<crdt::or_set>().rows().at(text("fig"))}}});

  for (const auto* name : {"fig", "plum"}) {
    const crdt::query query = crdt::one_member{text(name)};
    EXPECT_EQ(part.view(query), whole.view(query));
    EXPECT_EQ(part.view(adds(name)), whole.view(adds(name)));
  }
  EXPECT_EQ(whole.view(crdt::whole_value{}), crdt::view_of(whole.value()));
}

TEST(HeldValue, AsksForARowThatIsNotThereOnlyOnce) {
  held_value set{fruits};
  set.apply(adds("apple"), ann, 0, digests);
  set.let_go();

  set.add_rows({text("pear")}, {});

  EXPECT_TRUE(set.lacks(crdt::one_member{text("pear")}).empty());
  EXPECT_FALSE(set.lacks(crdt::one_member{text("apple")}).empty());
}

TEST(HeldValue, StaysAsItIsWhereACommandIsRefused) {
  held_value counter{crdt::key{crdt::type::counter, "visitors"}};
  counter.apply(crdt::counter_add{INT64_MAX}, ann, 0, digests);
  const auto before = counter.digest();

  batch changed;
  EXPECT_EQ(counter.apply(crdt::counter_add{1}, ann, 0, digests, &changed),
            crdt::outcome{crdt::refusal::counter_range});
  EXPECT_EQ(counter.digest(), before);
  EXPECT_TRUE(changed.empty());
}

TEST(HeldValue, StaysRightWhereAnEventOfOnesOwnEndsADeadEntryOfAnotherMember) {
  crdt::or_set other;
  other.remove(crdt::replica_id::from(2, 2), text("plum"), {{ann, 1}}); // it never was observed
  held_value set{fruits};
  set.join(other, digests);
  ASSERT_TRUE(has_dead_entry(set.value()));

  set.apply(adds("apple"), ann, 0, digests);

  EXPECT_FALSE(has_dead_entry(set.value()));
  EXPECT_EQ(set.digest(), digests.digest_of(fruits, set.value()));
}

TEST(HeldValue, StaysRightWhereNoEventNumberIsLeft) {
  crdt::causal_context forged;
  forged.insert({ann, crdt::event_number_max});
  held_value set{fruits, crdt::or_set{forged, {}}, digests};
  set.let_go();

  EXPECT_EQ(set.apply(adds("apple"), ann, 0, digests), crdt::outcome{crdt::refusal::exhausted});
  EXPECT_EQ(set.digest(), digests.digest_of(fruits, crdt::or_set{forged, {}}));
}

} // namespace
} // namespace starling::storage
