// Key actors whose value is on a disk: nothing that names an uncommitted change leaves them.

#include "actors/key.hpp"
#include "disk_fixture.hpp"

#include <caf/telemetry/gauge.hpp>
#include <caf/telemetry/metric_registry.hpp>

#include <gmock/gmock.h>

namespace starling::actors {
namespace {

using crdt::type;
using testing::ElementsAre;

const auto own_id = crdt::replica_id::from(1, 2);
const auto other_id = crdt::replica_id::from(3, 4);
const crdt::key visitors{type::counter, "visitors"};
const crdt::key fruits{type::set, "fruits"};

class KeyOnDisk : public actor_test {
protected:
  key_actor spawn(const crdt::key& key, std::uint64_t whole_bytes = 1 << 20) {
    return spawn(key, track(make_reader(sys, rows, whole_bytes)), whole_bytes);
  }

  key_actor spawn(const crdt::key& key, const reader_actor& reader,
                  std::uint64_t whole_bytes = 1 << 20) {
    return track(
        spawn_key(sys, key,
                  {.replica = own_id,
                   .now = [] { return crdt::lww_register::stamp{1}; },
                   .value_bytes_max = 1 << 20,
                   .digests = test_digests,
                   .gossip = gossip.handle(),
                   .disk = disk.handle(),
                   .reader = reader,
                   .rows = rows,
                   .whole_bytes = whole_bytes,
                   .awake_bytes = sys.metrics().gauge_singleton("test", "awake", "bytes")}));
  }

  std::int64_t awake_bytes() {
    return sys.metrics().gauge_singleton("test", "awake", "bytes")->value();
  }

  void commit_all() {
    while (disk.waiting() > 0) {
      disk.commit_one();
      settle();
    }
  }

  /// A write that is committed.
  void write(const key_actor& key, const crdt::command& c) {
    const auto answer = start_asking<crdt::view>(key, apply_atom_v, c);
    commit_all();
    ASSERT_TRUE(answer->value);
  }

  /// A part of another replica's set.
  static crdt::value addition(const std::string& member) {
    crdt::or_set set;
    return *set.add(other_id, {crdt::payload_kind::text, member});
  }

  std::shared_ptr<counting_store> rows = std::make_shared<counting_store>();
  slow_disk disk{sys, rows};
  fake_gossip gossip{sys};
};

TEST_F(KeyOnDisk, TellsNobodyOfAWriteBeforeItIsCommitted) {
  const auto key = spawn(visitors);

  const auto write = start_asking<crdt::view>(key, apply_atom_v, increment(5));
  const auto read = start_asking<crdt::view>(key, read_atom_v, crdt::query{});
  const auto state = start_asking<std::string>(key, state_atom_v);
  EXPECT_TRUE(write->is_pending());
  EXPECT_TRUE(read->is_pending());
  EXPECT_TRUE(state->is_pending());
  EXPECT_TRUE(gossip.deltas().empty());

  commit_all();
  EXPECT_EQ(write->value, counter_view(5));
  EXPECT_EQ(read->value, counter_view(5));
  ASSERT_TRUE(state->value);
  EXPECT_EQ(decode_value(*state->value), gossip.deltas().at(0).part);
}

TEST_F(KeyOnDisk, AcknowledgesWhatAPeerSentOnceItIsCommitted) {
  const auto key = spawn(fruits);

  const auto first = start_asking<std::size_t>(key, join_atom_v, addition("apple"));
  // It brings nothing new, but what it says may be lost until the first is committed.
  const auto second = start_asking<std::size_t>(key, join_atom_v, addition("apple"));
  EXPECT_TRUE(first->is_pending());
  EXPECT_TRUE(second->is_pending());

  commit_all();
  ASSERT_TRUE(first->value && second->value);
  EXPECT_EQ(first->value, 1u);
  EXPECT_EQ(second->value, 0u);
}

TEST_F(KeyOnDisk, TakesManyWritesBeforeTheFirstIsCommitted) {
  const auto key = spawn(visitors);
  std::vector<std::shared_ptr<const outcome<crdt::view>>> answers;
  for (int i = 0; i < 3; ++i)
    answers.push_back(start_asking<crdt::view>(key, apply_atom_v, increment(1)));
  EXPECT_EQ(disk.waiting(), 3u);

  disk.commit_one();
  settle();
  EXPECT_EQ(answers[0]->value, counter_view(1));
  EXPECT_TRUE(answers[1]->is_pending());

  commit_all();
  EXPECT_EQ(answers[2]->value, counter_view(3));
}

TEST_F(KeyOnDisk, GoesOnWithWhatIsOnTheDisk) {
  write(spawn(visitors), increment(5));
  write(spawn(visitors), increment(2));
  EXPECT_EQ(ask<crdt::view>(spawn(visitors), read_atom_v, crdt::query{}), counter_view(7));
}

TEST_F(KeyOnDisk, KnowsNothingThatIsNotOnTheDisk) {
  EXPECT_EQ(ask_error<crdt::view>(spawn(visitors), read_atom_v, crdt::query{}), errc::no_such_key);
  EXPECT_EQ(ask<std::string>(spawn(visitors), state_atom_v), "");
}

TEST_F(KeyOnDisk, TakesBackWhatCannotBeCommitted) {
  const auto key = spawn(visitors);
  write(key, increment(5));
  const auto deltas = gossip.deltas().size();

  const auto first = start_asking<crdt::view>(key, apply_atom_v, increment(1));
  const auto second = start_asking<crdt::view>(key, apply_atom_v, increment(1));
  const auto read = start_asking<crdt::view>(key, read_atom_v, crdt::query{});
  disk.fail_one();
  settle();

  EXPECT_EQ(first->error, errc::disk_full);
  EXPECT_EQ(second->error, errc::disk_full) << "it stands on the first";
  EXPECT_EQ(read->value, counter_view(5)) << "what the disk has";
  EXPECT_EQ(gossip.deltas().size(), deltas);
  EXPECT_EQ(ask<crdt::view>(key, read_atom_v, crdt::query{}), counter_view(5));
}

TEST_F(KeyOnDisk, ShowsWhatTheDiskHasToWhoeverWaitedForACommitThatFails) {
  for (const std::uint64_t whole_bytes : {std::uint64_t{1} << 20, std::uint64_t{0}}) {
    const crdt::key own{crdt::type::set, "set " + std::to_string(whole_bytes)};
    const auto key = spawn(own, whole_bytes);
    write(key, add("apple"));
    const auto written = start_asking<crdt::view>(key, apply_atom_v, add("pear"));
    const auto read = start_asking<crdt::view>(key, read_atom_v, crdt::query{});
    const auto one = start_asking<crdt::view>(
        key, read_atom_v,
        crdt::query{crdt::one_member{{crdt::payload_kind::text, std::string{"pear"}}}});
    const auto state = start_asking<std::string>(key, state_atom_v);
    disk.fail_one();
    settle();

    EXPECT_EQ(written->error, errc::disk_full);
    ASSERT_TRUE(read->value && one->value && state->value);
    EXPECT_EQ(members_of(*read->value), std::vector<std::string>{"apple"});
    EXPECT_FALSE(std::get<crdt::member_view>(*one->value).present);
    EXPECT_EQ(decode_value(*state->value).as<crdt::or_set>().members().size(), 1u);
  }
}

TEST_F(KeyOnDisk, HoldsOfALargeSetWhatItNeeds) {
  const auto key = spawn(fruits, 100);
  for (int i = 10; i < 60; ++i)
    write(key, add("member " + std::to_string(i)));
  EXPECT_LT(awake_bytes(), 500);

  EXPECT_EQ(members_of(ask<crdt::view>(key, read_atom_v, crdt::query{})).size(), 50u);
  const auto page = std::get<crdt::page_view>(
      ask<crdt::view>(key, read_atom_v, crdt::query{crdt::member_page{"member 57", 2}}));
  EXPECT_EQ(page.shown.members.size(), 2u);
  EXPECT_EQ(page.shown.cardinality, 50u);
  const crdt::payload eleven{crdt::payload_kind::text, "member 11"};
  const auto one = std::get<crdt::member_view>(
      ask<crdt::view>(key, read_atom_v, crdt::query{crdt::one_member{eleven}}));
  EXPECT_TRUE(one.present);
  EXPECT_EQ(one.cardinality, 50u);

  write(key, remove("member 11"));
  const auto state = decode_value(ask<std::string>(key, state_atom_v));
  EXPECT_EQ(state.as<crdt::or_set>().members().size(), 49u);
  EXPECT_FALSE(state.as<crdt::or_set>().contains(eleven));
}

TEST_F(KeyOnDisk, EndsByItsEventAMemberThatItDoesNotHold) {
  const auto key = spawn(fruits, 0);
  crdt::or_set theirs;
  theirs.add(other_id, {crdt::payload_kind::text, "apple"});
  const auto added = start_asking<std::size_t>(key, join_atom_v, crdt::value{theirs});
  commit_all();
  ASSERT_TRUE(added->value);

  theirs.remove(other_id, {crdt::payload_kind::text, "apple"}, {{other_id, 1}});
  const auto removed = start_asking<std::size_t>(key, join_atom_v, crdt::value{theirs});
  commit_all();

  EXPECT_TRUE(removed->value && *removed->value > 0);
  EXPECT_TRUE(members_of(ask<crdt::view>(key, read_atom_v, crdt::query{})).empty());
}

TEST_F(KeyOnDisk, NumbersNothingMoreOnceAPeerKnowsEventsThatItHasLost) {
  const auto key = spawn(visitors);
  write(key, increment(1));
  crdt::pn_counter theirs;
  theirs.add(own_id, 10); // our own, and more than is here

  const auto joined = start_asking<std::size_t>(key, join_atom_v, crdt::value{theirs});
  const auto next = start_asking<crdt::view>(key, apply_atom_v, increment(1));
  commit_all();

  EXPECT_THAT(disk.lost(), ElementsAre(own_id));
  EXPECT_EQ(next->value, counter_view(11));
  const auto state = decode_value(ask<std::string>(key, state_atom_v));
  EXPECT_EQ(state.as<crdt::pn_counter>().entries().size(), 2u) << "under another id";
}

TEST_F(KeyOnDisk, RestsOnlyWhenNothingIsUnderWay) {
  const auto key = spawn(visitors);
  const auto pending = start_asking<crdt::view>(key, apply_atom_v, increment(1));
  EXPECT_FALSE(ask<rested_key>(key, rest_atom_v).is_at_rest);

  commit_all();
  EXPECT_GT(awake_bytes(), 0);
  const auto rested = ask<rested_key>(key, rest_atom_v);
  EXPECT_TRUE(rested.is_at_rest);
  EXPECT_EQ(rested.state, "") << "the disk has it";
  EXPECT_EQ(awake_bytes(), 0);
}

// --- reading -----------------------------------------------------------------------------------

class KeyWithSlowReader : public KeyOnDisk {
protected:
  KeyWithSlowReader() {
    write(KeyOnDisk::spawn(visitors), increment(5));
    const auto set = KeyOnDisk::spawn(fruits, 0);
    for (const auto* member : {"apple", "pear", "plum"})
      write(set, add(member));
  }

  std::shared_ptr<const outcome<crdt::view>> start_reading(const key_actor& key) {
    return start_asking<crdt::view>(key, read_atom_v, crdt::query{});
  }

  slow_reader reader{sys, track(make_reader(sys, rows, 0))};
};

TEST_F(KeyWithSlowReader, AsksNobodyForWhatIsInMemory) {
  EXPECT_EQ(ask<crdt::view>(spawn(visitors, reader.handle()), read_atom_v, crdt::query{}),
            counter_view(5));
  EXPECT_EQ(ask_error<crdt::view>(spawn({type::counter, "none"}, reader.handle()), read_atom_v,
                                  crdt::query{}),
            errc::no_such_key);
  write(spawn(fruits, reader.handle(), 0), remove("apple"));
  EXPECT_EQ(reader.waiting(), 0u);
}

TEST_F(KeyWithSlowReader, AnswersInOrderOnceWhatIsOnTheDiskWasRead) {
  rows->is_cold = true;
  const auto key = spawn(visitors, reader.handle());
  const auto before = start_reading(key);
  const auto written = start_asking<crdt::view>(key, apply_atom_v, increment(1));
  const auto after = start_reading(key);
  EXPECT_EQ(reader.waiting(), 1u) << "once for all of them";
  EXPECT_TRUE(before->is_pending());

  reader.read_one();
  settle();
  EXPECT_EQ(before->value, counter_view(5));
  EXPECT_TRUE(written->is_pending()) << "it is not committed";

  commit_all();
  EXPECT_EQ(written->value, counter_view(6));
  EXPECT_EQ(after->value, counter_view(6));
}

TEST_F(KeyWithSlowReader, FailsThatWhichCannotBeReadAndTriesAgainForTheNext) {
  rows->is_cold = true;
  const auto key = spawn(visitors, reader.handle());
  const auto first = start_asking<crdt::view>(key, apply_atom_v, increment(1));
  const auto second = start_reading(key);

  reader.fail_one();
  settle();
  EXPECT_EQ(first->error, errc::unreadable);
  EXPECT_TRUE(second->is_pending());
  EXPECT_EQ(disk.waiting(), 0u);

  reader.read_one();
  settle();
  EXPECT_EQ(second->value, counter_view(5));
}

TEST_F(KeyWithSlowReader, ChangesNothingOfASetWhoseRowsCannotBeRead) {
  rows->is_cold = true;
  const auto key = spawn(fruits, reader.handle(), 0);
  const auto removed = start_asking<crdt::view>(key, apply_atom_v, remove("apple"));
  reader.read_one(); // what the set has seen
  settle();
  EXPECT_EQ(reader.waiting(), 1u) << "for the rows";

  reader.fail_one();
  settle();
  EXPECT_EQ(removed->error, errc::unreadable);
  EXPECT_EQ(disk.waiting(), 0u);
  rows->is_cold = false;
  EXPECT_EQ(members_of(ask<crdt::view>(spawn(fruits), read_atom_v, crdt::query{})).size(), 3u);
}

TEST_F(KeyWithSlowReader, TakesNoRowsOfALifeThatIsOver) {
  const auto key = spawn(fruits, reader.handle(), 0);
  rows->is_cold = true;
  const auto lost = start_asking<crdt::view>(key, apply_atom_v, add("kiwi"));
  ASSERT_EQ(reader.waiting(), 1u);
  reader.read_one();
  settle();
  ASSERT_EQ(reader.waiting(), 1u);
  reader.read_one();
  settle();
  ASSERT_EQ(disk.waiting(), 1u);
  const auto next = start_asking<crdt::view>(key, apply_atom_v, remove("apple"));
  disk.fail_one();
  settle();
  EXPECT_EQ(lost->error, errc::disk_full);

  while (reader.waiting() > 0) {
    reader.read_one();
    settle();
  }
  commit_all();
  ASSERT_TRUE(next->value);
  EXPECT_EQ(members_of(ask<crdt::view>(KeyOnDisk::spawn(fruits), read_atom_v, crdt::query{})),
            (std::vector<std::string>{"pear", "plum"}));
}

} // namespace
} // namespace starling::actors
