#include "storage/identity.hpp"
#include "storage/memory_store.hpp"
#include "storage/tally_rows.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace starling::storage {
namespace {

const auto first_id = crdt::replica_id::from(1, 1);
const auto second_id = crdt::replica_id::from(2, 2);
const auto other_id = crdt::replica_id::from(3, 3);
const evidence same_disk{.format_file = {.inode = 1, .born_ns = 2}};

replication::digester digester_with(const std::string& key) {
  return replication::digester{wire::secret{"cluster", key}.sign("digest", {})};
}

crdt::payload text(std::string x) {
  return {crdt::payload_kind::text, std::move(x)};
}

class Identity : public testing::Test {
protected:
  /// The id of a life that draws this one, should it need another.
  crdt::replica_id live(const crdt::replica_id& fresh, const evidence& seen = same_disk,
                        bool is_careful = true) {
    const auto taken_up = adopt_replica(rows, seen, is_careful, fresh);
    EXPECT_TRUE(std::holds_alternative<storage::taken_up>(taken_up));
    last = std::get<storage::taken_up>(taken_up);
    return last.id;
  }

  memory_store rows;
  storage::taken_up last; // what the last life did
};

TEST_F(Identity, IsKeptWhereEverythingWasSynced) {
  EXPECT_EQ(live(first_id), first_id);
  EXPECT_EQ(live(second_id), first_id);
  EXPECT_EQ(live(second_id), first_id);
}

TEST_F(Identity, IsFreshTheFirstTimeAndSaysWhyLater) {
  live(first_id);
  EXPECT_TRUE(last.is_fresh);
  EXPECT_FALSE(last.renewed) << "there was none before";
  live(second_id);
  EXPECT_FALSE(last.is_fresh);
  EXPECT_FALSE(last.renewed);
  auto missing = same_disk;
  missing.is_whole = false;
  live(second_id, missing);
  EXPECT_TRUE(last.is_fresh);
  EXPECT_EQ(last.renewed,
            (renewal{renewal::cause::damaged, "what was written last may be missing"}));
}

TEST(Renewal, HasAWordForEachCause) {
  std::set<std::string_view> words{"unknown"};
  for (const auto cause : renewal_causes)
    EXPECT_TRUE(words.insert(to_string(cause)).second) << to_string(cause);
}

TEST_F(Identity, IsGivenUpOnACopyOfTheDisk) {
  live(first_id);
  auto copy = same_disk;
  copy.format_file.inode = 9;
  EXPECT_EQ(live(second_id, copy), second_id);
  EXPECT_EQ(last.renewed,
            (renewal{renewal::cause::another_disk, "its folder is a copy, or was written over"}));
}

TEST_F(Identity, StaysKnownWithItsCountWhereItIsGivenUp) {
  using tallies = std::vector<replication::tally>;
  const auto known = [this] { return std::get<tallies>(read_tallies(*rows.now())); };
  live(first_id);
  batch counted;
  put_own_changes(counted, 7);
  EXPECT_FALSE(rows.commit({counted}, true));

  live(second_id);
  EXPECT_EQ(known(), tallies{}) << "it was kept";
  auto copy = same_disk;
  copy.format_file.inode = 9;
  live(second_id, copy);
  EXPECT_EQ(known(), (tallies{{first_id, 7}}));
}

TEST_F(Identity, IsKeptInTheLifeThatTookThePlaceOfTheLast) {
  const life first{"a", {.inode = 5}};
  const life second{"b", {.inode = 6}};
  const life third{"c", {.inode = 7}};
  const auto with = [](const life& one) {
    auto result = same_disk;
    result.lives = {one};
    return result;
  };
  const auto start = [&](const life& seen, const life& next) {
    const auto result = adopt_replica(rows, with(seen), true, second_id, next);
    return std::get<storage::taken_up>(result).id;
  };
  live(first_id);
  EXPECT_FALSE(keep_replica(rows, with(first), true, first_id));
  EXPECT_EQ(start(first, second), first_id);
  // It may have been killed before or after the next one came into its place.
  for (const auto& left : {first, second}) {
    memory_store killed{rows.contents()};
    EXPECT_EQ(std::get<0>(adopt_replica(killed, with(left), true, second_id)).id, first_id);
  }
  EXPECT_EQ(start(third, second), second_id) << "neither is there";
}

TEST_F(Identity, IsGivenUpForGoodWhereSomethingMayBeMissing) {
  live(first_id);
  auto missing = same_disk;
  missing.is_whole = false;
  EXPECT_EQ(live(second_id, missing), second_id);
  EXPECT_EQ(live(other_id), second_id);
}

TEST_F(Identity, IsGivenUpAfterALifeThatWasNotSyncedUnlessThatEndedInOrder) {
  live(first_id, same_disk, false);
  EXPECT_EQ(live(second_id, same_disk, false), second_id);
  EXPECT_FALSE(close_in_order(rows));
  EXPECT_EQ(live(other_id, same_disk, false), second_id);
  EXPECT_EQ(live(other_id, same_disk, true), other_id) << "the life before was not closed";
}

TEST_F(Identity, IsAnotherOnceThatIsKept) {
  live(first_id);
  EXPECT_FALSE(keep_replica(rows, same_disk, true, second_id));
  EXPECT_EQ(live(other_id), second_id);
}

TEST_F(Identity, IsGivenUpWhereItsRowMakesNoSense) {
  live(first_id);
  batch bad;
  bad.put(node_row("replica"), "x");
  EXPECT_FALSE(rows.commit({bad}, true));
  EXPECT_EQ(live(second_id), second_id);
}

TEST_F(Identity, IsNotTakenUpFromADiskThatTakesNoWrites) {
  rows.break_down({trouble::full, "no room"});
  EXPECT_TRUE(std::holds_alternative<failure>(adopt_replica(rows, same_disk, true, first_id)));
}

TEST(LostEvents, AreShownByEventsOfOurOwnThatAreNew) {
  const auto digests = digester_with("a key of sixteen");
  const auto shows = [&](const crdt::key& key, const crdt::value& part) {
    held_value ours{key};
    const auto news = ours.join(part, digests);
    return shows_lost_events(*news, ours, first_id);
  };
  const auto counter_of = [](const crdt::replica_id& id) {
    crdt::pn_counter c;
    c.add(id, 1);
    return crdt::value{c};
  };
  const auto register_of = [](const crdt::replica_id& id) {
    crdt::lww_register r;
    r.assign(id, 1, text("x"));
    return crdt::value{r};
  };
  const auto set_of = [](const crdt::replica_id& id) {
    crdt::or_set s;
    s.add(id, text("x"));
    return crdt::value{s};
  };
  EXPECT_TRUE(shows({crdt::type::counter, "x"}, counter_of(first_id)));
  EXPECT_FALSE(shows({crdt::type::counter, "x"}, counter_of(second_id)));
  EXPECT_TRUE(shows({crdt::type::register_, "x"}, register_of(first_id)));
  EXPECT_FALSE(shows({crdt::type::register_, "x"}, register_of(second_id)));
  EXPECT_TRUE(shows({crdt::type::set, "x"}, set_of(first_id)));
  EXPECT_FALSE(shows({crdt::type::set, "x"}, set_of(second_id)));
}

TEST(LostEvents, AreShownByTheEndOfAnEventThatWeDidNotMake) {
  const auto digests = digester_with("a key of sixteen");
  held_value ours{{crdt::type::set, "x"}};
  ours.apply(crdt::set_change{{{text("apple"), std::nullopt}}, {}}, first_id, 0, digests);
  crdt::or_set theirs;
  theirs.join(ours.value().as<crdt::or_set>());
  theirs.remove(second_id, text("apple"), {{first_id, 1}});
  auto news = ours.join(theirs, digests);
  ASSERT_TRUE(news);
  EXPECT_FALSE(shows_lost_events(*news, ours, first_id)) << "that one is ours";

  theirs.remove(second_id, text("pear"), {{first_id, 2}});
  news = ours.join(theirs, digests);
  ASSERT_TRUE(news);
  EXPECT_TRUE(shows_lost_events(*news, ours, first_id));
}

TEST(RenewedDigests, AreThoseOfTheNewSecret) {
  const auto before = digester_with("a key of sixteen");
  const auto after = digester_with("another of sixteen");
  memory_store rows;
  EXPECT_FALSE(renew_digests(rows, before));
  std::vector<crdt::key> keys;
  for (int i = 0; i < 5; ++i)
    for (const auto type : {crdt::type::counter, crdt::type::set}) {
      const auto& key = keys.emplace_back(crdt::key{type, std::to_string(i)});
      held_value value{key};
      batch changed;
      if (type == crdt::type::counter)
        value.apply(crdt::counter_add{i + 1}, first_id, 0, before, &changed);
      else
        value.apply(crdt::set_change{{{text("a"), {}}, {text("b"), {}}}, {}}, first_id, 0, before,
                    &changed);
      EXPECT_FALSE(rows.commit({changed}, true));
    }
  EXPECT_TRUE(std::holds_alternative<failure>(read_value(*rows.now(), keys[0], 0, after)));

  ASSERT_FALSE(renew_digests(rows, after));

  for (const auto& key : keys) {
    const auto read = read_value(*rows.now(), key, UINT64_MAX, after);
    ASSERT_TRUE(std::holds_alternative<std::optional<held_value>>(read));
    const auto& value = *std::get<0>(read);
    EXPECT_EQ(value.digest(), after.digest_of(key, value.value()));
    EXPECT_EQ(value.members(), key.type == crdt::type::set ? 2u : 0u);
  }
  const auto kept = rows.contents();
  EXPECT_FALSE(renew_digests(rows, after));
  EXPECT_EQ(rows.contents(), kept);
}

/// A store that takes only so many commits, as that of a process that is killed then.
class ending_store : public memory_store {
public:
  ending_store(rows initial, int commits) : memory_store(std::move(initial)), left_(commits) {}

  wire::possible<failure> commit(const std::vector<batch>& batches, bool synced) override {
    if (left_-- <= 0)
      return failure{trouble::broken, "the process was killed"};
    return memory_store::commit(batches, synced);
  }

private:
  int left_;
};

/// The keys of several commits: some have the digests of the new secret when the process is killed.
TEST(RenewedDigests, AreWholeWithEitherSecretWhereverTheProcessIsKilled) {
  const auto before = digester_with("a key of sixteen");
  const auto after = digester_with("another of sixteen");
  const auto key_of = [](int i) { return crdt::key{crdt::type::counter, std::to_string(i)}; };
  constexpr int keys = 2500;
  memory_store whole;
  ASSERT_FALSE(renew_digests(whole, before));
  batch made;
  for (int i = 0; i < keys; ++i) {
    held_value value{key_of(i)};
    value.apply(crdt::counter_add{i + 1}, first_id, 0, before, &made);
  }
  ASSERT_FALSE(whole.commit({made}, true));

  bool was_killed = true;
  int commits = 0;
  for (; was_killed; ++commits)
    for (const auto& next : {before, after}) {
      ending_store killed{whole.contents(), commits};
      was_killed = renew_digests(killed, after).has_value();
      memory_store again{killed.contents()};
      ASSERT_FALSE(renew_digests(again, next));
      const auto at = again.now();
      for (int i = 0; i < keys; i += 7)
        ASSERT_TRUE(read_value(*at, key_of(i), UINT64_MAX, next))
            << "key " << i << " after " << commits << " commits";
    }
  EXPECT_GT(commits, 4) << "there were several commits to be killed after";
}

TEST(RenewedDigests, OfWhatIsNotKnownAreMadeByAVersionThatKnowsIt) {
  const auto before = digester_with("a key of sixteen");
  const auto after = digester_with("another of sixteen");
  const crdt::key known{crdt::type::counter, "known"};
  const crdt::key newer{crdt::type::counter, "newer"};
  memory_store rows;
  ASSERT_FALSE(renew_digests(rows, before));
  for (const auto& key : {known, newer}) {
    held_value value{key};
    batch changed;
    value.apply(crdt::counter_add{1}, first_id, 0, before, &changed);
    ASSERT_FALSE(rows.commit({changed}, true));
  }
  const auto set_format = [&](char format) {
    auto row = *std::get<0>(rows.now()->find(head_name(newer)));
    row[16] = format;
    batch changed;
    changed.put(head_name(newer), row);
    ASSERT_FALSE(rows.commit({changed}, true));
  };
  set_format(2);

  ASSERT_FALSE(renew_digests(rows, after));
  ASSERT_FALSE(renew_digests(rows, after)) << "and again at the next start";

  const auto read = read_value(*rows.now(), known, UINT64_MAX, after);
  EXPECT_TRUE(std::holds_alternative<std::optional<held_value>>(read));
  set_format(1); // as one who knows it sees it
  ASSERT_FALSE(renew_digests(rows, after));
  const auto made = read_value(*rows.now(), newer, UINT64_MAX, after);
  ASSERT_TRUE(std::holds_alternative<std::optional<held_value>>(made));
  EXPECT_EQ(std::get<0>(made)->digest(), after.digest_of(newer, std::get<0>(made)->value()));
  const auto kept = rows.contents();
  EXPECT_FALSE(renew_digests(rows, after));
  EXPECT_EQ(rows.contents(), kept);
}

TEST(RenewedDigests, AreNotMadeWhereNothingSaysThatTheSecretWasAnother) {
  const auto digests = digester_with("a key of sixteen");
  memory_store rows;
  EXPECT_FALSE(renew_digests(rows, digests)) << "there is no key";
  held_value value{{crdt::type::counter, "x"}};
  batch changed;
  value.apply(crdt::counter_add{1}, first_id, 0, digests, &changed);
  changed.erase(node_row("secret"));
  ASSERT_FALSE(rows.commit({changed}, true));
  const auto before = rows.contents();

  const auto failed = renew_digests(rows, digests);

  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->kind, trouble::corrupted);
  EXPECT_EQ(rows.contents(), before);
}

TEST(RenewedDigests, AreNotMadeOfASetThatLacksARow) {
  const auto before = digester_with("a key of sixteen");
  const crdt::key set{crdt::type::set, "x"};
  memory_store whole;
  ASSERT_FALSE(renew_digests(whole, before));
  held_value value{set};
  batch changed;
  value.apply(crdt::set_change{{{text("a"), {}}, {text("b"), {}}}, {}}, first_id, 0, before,
              &changed);
  ASSERT_FALSE(whole.commit({changed}, true));
  for (const auto* member : {"a", "b"}) {
    memory_store rows{whole.contents()};
    batch erased;
    erased.erase(member_name(set, text(member)));
    ASSERT_FALSE(rows.commit({erased}, true));

    const auto failed = renew_digests(rows, digester_with("another of sixteen"));

    ASSERT_TRUE(failed) << member;
    EXPECT_EQ(failed->kind, trouble::corrupted);
  }
}

} // namespace
} // namespace starling::storage
