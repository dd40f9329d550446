#include "keyspace/key_core.hpp"
#include "storage/memory_store.hpp"

#include <gmock/gmock.h>

namespace starling::keyspace {
namespace {

using crdt::type;
using testing::IsEmpty;
using testing::SizeIs;

const auto own_id = crdt::replica_id::from(1, 2);
const auto fresh_id = crdt::replica_id::from(5, 6);
const auto other_id = crdt::replica_id::from(3, 4);
const crdt::key visitors{type::counter, "visitors"};
const crdt::key fruits{type::set, "fruits"};
const replication::digester digests{{}};

crdt::payload text(const std::string& what) {
  return {crdt::payload_kind::text, what};
}

crdt::command adding(const std::string& member) {
  crdt::set_change change;
  change.add.push_back({text(member), {}});
  return change;
}

std::int64_t count_in(const crdt::view& seen) {
  return std::get<crdt::counter_view>(seen).reading.value;
}

/// A core whose effects are carried out when a test says so.
class KeyCore : public testing::Test {
protected:
  explicit KeyCore(bool has_disk = true, std::uint64_t whole_bytes = 1 << 20)
      : settings{digests, 1 << 20, has_disk, whole_bytes} {}

  void open(const crdt::key& key) { core.emplace(key, settings, own_id); }

  ticket take(request what) {
    core->add(std::move(what));
    go_on();
    return last;
  }
  ticket increment(std::int64_t amount) {
    return take(write_request{++last, crdt::counter_add{amount}, 1});
  }
  ticket write(const crdt::command& what) { return take(write_request{++last, what, 1}); }
  ticket read(const crdt::query& what = {}) { return take(read_request{++last, what}); }
  ticket join(const crdt::value& part) { return take(join_request{++last, part}); }

  void go_on() {
    while (core->step(todo))
      ;
  }

  /// Takes the first effect of a kind; nothing if there is none.
  template <class Effect>
  std::optional<Effect> next() {
    for (auto at = todo.begin(); at != todo.end(); ++at)
      if (auto* e = std::get_if<Effect>(&*at)) {
        std::optional<Effect> result{std::move(*e)};
        todo.erase(at);
        return result;
      }
    return std::nullopt;
  }

  /// Loads what the disk has.
  void load() {
    if (next<load_value>()) {
      core->loaded(std::get<0>(
          storage::read_value(*rows.now(), core->key(), settings.whole_bytes, digests)));
    } else {
      const auto wanted = next<load_rows>();
      ASSERT_TRUE(wanted);
      core->loaded_rows(std::get<0>(storage::read_rows(*rows.now(), core->key(), wanted->wanted)));
    }
    go_on();
  }

  /// Commits the first change that is to be committed.
  void commit() {
    const auto change = next<commit_change>();
    ASSERT_TRUE(change);
    EXPECT_FALSE(rows.commit({change->changed}, true));
    own_changes += change->writer ? 1 : 0;
    core->committed(change->number, own_changes, todo);
    go_on();
  }

  void fail_commit() {
    const auto change = next<commit_change>();
    ASSERT_TRUE(change);
    core->not_committed(change->number, {reason::disk_full, "no room"}, todo);
    go_on();
  }

  key_settings settings;
  std::optional<key_core> core;
  storage::memory_store rows;
  effects todo;
  ticket last = 0;
  std::uint64_t own_changes = 10;
};

TEST_F(KeyCore, LoadsTheValueBeforeTheFirstRequest) {
  open(visitors);
  increment(5);
  increment(2);
  EXPECT_EQ(core->next(), nullptr);
  ASSERT_THAT(todo, SizeIs(1)) << "one load is enough";
  load();
  EXPECT_THAT(todo, SizeIs(2)) << "both writes are to be committed";
}

TEST_F(KeyCore, TellsNobodyOfAWriteBeforeItIsCommitted) {
  open(visitors);
  const auto writer = increment(5);
  load();
  const auto reader = read();
  core->add(state_request{++last});
  go_on();
  EXPECT_FALSE(next<answer>());
  EXPECT_FALSE(next<spread>());
  EXPECT_FALSE(core->is_idle());

  commit();
  const auto news = next<spread>();
  ASSERT_TRUE(news) << "before the state is shown to a peer";
  EXPECT_EQ(news->news.counted, (replication::tally{own_id, 11}));
  const auto first = next<answer>();
  EXPECT_EQ(first->to, writer);
  EXPECT_EQ(count_in(std::get<crdt::view>(first->what)), 5);
  const auto second = next<answer>();
  EXPECT_EQ(second->to, reader);
  EXPECT_EQ(count_in(std::get<crdt::view>(second->what)), 5);
  EXPECT_TRUE(std::holds_alternative<std::string>(next<answer>()->what));
  EXPECT_TRUE(core->is_idle());
}

TEST_F(KeyCore, AnswersEachAsSoonAsItsChangeIsCommitted) {
  open(visitors);
  const auto first = increment(1);
  load();
  const auto second = increment(1);
  commit();
  EXPECT_EQ(next<answer>()->to, first);
  EXPECT_FALSE(next<answer>());
  commit();
  EXPECT_EQ(next<answer>()->to, second);
}

TEST_F(KeyCore, TakesBackWhatCannotBeCommitted) {
  open(visitors);
  increment(1);
  load();
  commit();
  todo.clear();

  const auto writer = increment(5);
  const auto late = increment(7);
  const auto reader = read();
  fail_commit();
  for (const auto who : {writer, late}) {
    const auto told = next<answer>();
    EXPECT_EQ(told->to, who);
    EXPECT_EQ(std::get<failure>(told->what).why, reason::disk_full);
  }
  const auto given_up = next<commit_change>(); // of the later write
  ASSERT_TRUE(given_up);
  load();
  const auto shown = next<answer>();
  ASSERT_TRUE(shown) << "who reads is shown what the disk has";
  EXPECT_EQ(shown->to, reader);
  EXPECT_EQ(count_in(std::get<crdt::view>(shown->what)), 1);

  core->not_committed(given_up->number, {reason::disk_full}, todo);
  EXPECT_THAT(todo, IsEmpty()) << "that was told already";
  EXPECT_NE(core->held(), nullptr);
}

TEST_F(KeyCore, AnswersAPeerOnceItsPartIsCommittedThoughItIsNoNewsAnyMore) {
  crdt::or_set theirs;
  const crdt::value part{*theirs.add(other_id, text("apple"))};
  open(fruits);
  join(part);
  load();
  const auto again = join(part);
  EXPECT_FALSE(next<answer>());
  commit();
  EXPECT_TRUE(next<spread>());
  EXPECT_EQ(std::get<joined_elements>(next<answer>()->what).number, 1u);
  const auto second = next<answer>();
  EXPECT_EQ(second->to, again);
  EXPECT_EQ(std::get<joined_elements>(second->what).number, 0u);
}

TEST_F(KeyCore, FailsTheRequestWhoseValueCannotBeReadAndTriesAgainForTheNext) {
  open(visitors);
  const auto first = increment(1);
  increment(2);
  ASSERT_TRUE(next<load_value>());
  core->could_not_read({reason::unreadable, "a bad block"}, todo);
  go_on();
  const auto told = next<answer>();
  EXPECT_EQ(told->to, first);
  EXPECT_EQ(std::get<failure>(told->what).why, reason::unreadable);
  load();
  EXPECT_TRUE(next<commit_change>());
}

TEST_F(KeyCore, DoesNothingUntilItHasAnotherIdOnceItsEventsAreLost) {
  crdt::or_set before;
  const crdt::value lost{*before.add(own_id, text("apple"))};
  open(fruits);
  join(lost);
  load();
  const auto renewal = next<renew_replica>();
  ASSERT_TRUE(renewal);
  EXPECT_EQ(renewal->lost, own_id);
  commit();
  todo.clear();

  write(adding("pear"));
  EXPECT_THAT(todo, IsEmpty());
  core->renewed(fresh_id);
  go_on();
  ASSERT_TRUE(next<commit_change>());
  EXPECT_EQ(core->held()->value().as<crdt::or_set>().seen().last(fresh_id), 1u);
}

TEST_F(KeyCore, HasNothingToShowOfAKeyThatWasNeverWritten) {
  open(visitors);
  read();
  load();
  EXPECT_EQ(std::get<failure>(next<answer>()->what).why, reason::no_such_key);
}

TEST_F(KeyCore, WaitsWithAWriteThatChangesNothingForWhatIsNotCommitted) {
  open(fruits);
  write(adding("apple"));
  load();
  crdt::set_change nothing;
  nothing.remove.push_back({text("pear"), {}});
  const auto idle = write(nothing);
  EXPECT_FALSE(next<answer>());
  commit();
  next<answer>();
  EXPECT_EQ(next<answer>()->to, idle);
}

TEST_F(KeyCore, SaysOnceThatItHasNewsAndTellsThemTogether) {
  open(visitors);
  increment(1);
  load();
  increment(2);
  EXPECT_FALSE(next<has_news>());
  commit();
  EXPECT_TRUE(next<has_news>());
  commit();
  EXPECT_FALSE(next<has_news>());
  increment(4);
  core->tell_news(todo);
  const auto told = next<spread>();
  ASSERT_TRUE(told);
  EXPECT_EQ(told->news.part.as<crdt::pn_counter>().read().value, 3) << "what is committed";
  EXPECT_EQ(told->news.now, digests.digest_of(visitors, told->news.part));
  EXPECT_EQ(told->news.counted, (replication::tally{own_id, 12}));
  EXPECT_FALSE(core->knows_news());
  core->tell_news(todo);
  EXPECT_FALSE(next<spread>());
}

TEST_F(KeyCore, TellsTheNewsThatAreCommittedThoughALaterWriteFails) {
  open(visitors);
  increment(1);
  load();
  commit();
  increment(2);
  fail_commit();
  core->tell_news(todo);
  EXPECT_EQ(next<spread>()->news.part.as<crdt::pn_counter>().read().value, 1);
}

TEST_F(KeyCore, TellsItsNewsBeforeWhatAPeerBroughtLater) {
  crdt::pn_counter theirs;
  theirs.add(other_id, 5);
  open(visitors);
  increment(1);
  load();
  join(crdt::value{theirs});
  commit();
  EXPECT_FALSE(next<spread>());
  commit();
  const auto own = next<spread>();
  const auto brought = next<spread>();
  ASSERT_TRUE(own && brought);
  EXPECT_EQ(own->news.now, digests.digest_of(visitors, own->news.part));
  EXPECT_EQ(brought->news.now, core->held()->digest()) << "the last digest is of all";
}

TEST_F(KeyCore, KeepsTheCountsOfTwoIdsApart) {
  open(visitors);
  increment(1);
  load();
  commit();
  core->number_under(fresh_id);
  increment(1);
  commit();
  EXPECT_EQ(next<spread>()->news.counted->replica, own_id);
  core->tell_news(todo);
  EXPECT_EQ(next<spread>()->news.counted->replica, fresh_id);
}

TEST_F(KeyCore, TellsOfASetAtOnce) {
  open(fruits);
  write(adding("apple"));
  load();
  commit();
  EXPECT_TRUE(next<spread>());
  EXPECT_FALSE(core->knows_news());
}

class KeyCoreOfLargeSets : public KeyCore {
protected:
  KeyCoreOfLargeSets() : KeyCore(true, 0) {}

  void SetUp() override {
    open(fruits);
    for (const auto* member : {"apple", "pear"}) {
      write(adding(member));
      while (!next<answer>())
        core->held() == nullptr || std::holds_alternative<load_rows>(todo.front()) ? load()
                                                                                   : commit();
      todo.clear();
    }
  }
};

TEST_F(KeyCoreOfLargeSets, HoldNothingOfASetOnceItIsCommitted) {
  EXPECT_FALSE(core->held()->is_whole());
  EXPECT_TRUE(core->held()->value().as<crdt::or_set>().rows().empty());
}

TEST_F(KeyCoreOfLargeSets, LoadTheRowsThatAReadNeeds) {
  read(crdt::one_member{text("pear")});
  EXPECT_FALSE(next<answer>());
  load();
  const auto told = next<answer>();
  ASSERT_TRUE(told);
  EXPECT_TRUE(std::get<crdt::member_view>(std::get<crdt::view>(told->what)).present);
}

TEST_F(KeyCoreOfLargeSets, LeaveItToTheDiskToShowAll) {
  const auto reader = read(crdt::whole_value{});
  const auto asked = next<read_from_disk>();
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->to, reader);
  core->add(state_request{++last});
  go_on();
  EXPECT_FALSE(next<read_from_disk>()->what);
}

TEST_F(KeyCoreOfLargeSets, TakeNoRowsOfAValueThatWasDroppedMeanwhile) {
  write(adding("plum"));
  load();
  write(adding("fig"));
  const auto rows_wanted = next<load_rows>();
  ASSERT_TRUE(rows_wanted);
  fail_commit();
  todo.clear();
  core->loaded_rows(std::get<0>(storage::read_rows(*rows.now(), fruits, rows_wanted->wanted)));
  go_on();
  EXPECT_TRUE(next<load_value>()) << "all is loaded anew";
}

class KeyCoreWithoutDisk : public KeyCore {
protected:
  KeyCoreWithoutDisk() : KeyCore(false) {}
};

TEST_F(KeyCoreWithoutDisk, AnswersAtOnce) {
  open(visitors);
  increment(5);
  ASSERT_THAT(todo, SizeIs(2));
  EXPECT_TRUE(next<has_news>());
  EXPECT_EQ(count_in(std::get<crdt::view>(next<answer>()->what)), 5);
  EXPECT_TRUE(core->is_idle());
}

TEST_F(KeyCoreWithoutDisk, TellsItsNewsWithTheDigestFromBeforeAPeersPart) {
  crdt::pn_counter theirs;
  theirs.add(other_id, 5);
  open(visitors);
  increment(1);
  increment(2);
  join(crdt::value{theirs});
  const auto own = next<spread>();
  ASSERT_TRUE(own);
  EXPECT_EQ(own->news.part.as<crdt::pn_counter>().read().value, 3);
  EXPECT_EQ(own->news.now, digests.digest_of(visitors, own->news.part));
  const auto brought = next<spread>();
  ASSERT_TRUE(brought);
  EXPECT_EQ(brought->news.now, digests.digest_of(visitors, core->held()->value()));
}

TEST_F(KeyCoreWithoutDisk, RefusesToGrowAValueBeyondTheBound) {
  settings.value_bytes_max = 1;
  open(fruits);
  write(adding("apple"));
  todo.clear();
  write(adding("pear"));
  EXPECT_EQ(std::get<failure>(next<answer>()->what).why, reason::value_too_large);
  crdt::set_change smaller;
  smaller.remove.push_back({text("apple"), {}});
  write(smaller);
  EXPECT_TRUE(std::holds_alternative<crdt::view>(next<answer>()->what));
}

} // namespace
} // namespace starling::keyspace
