#include "actors/shard.hpp"
#include "disk_fixture.hpp"
#include "fixture.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace starling::actors {
namespace {

using crdt::type;

const auto replica = crdt::replica_id::from(1, 2);

class ShardActor : public actor_test {
protected:
  shard_actor spawn() {
    return track(spawn_shard(sys, {.keys = {.replica = replica,
                                            .now = []() -> crdt::lww_register::stamp { return 1; },
                                            .value_bytes_max = 1 << 20,
                                            .digests = replication::digester{{}},
                                            .gossip = gossip.handle()}}));
  }

  std::uint64_t size() { return ask<std::uint64_t>(shard, report_atom_v); }

  std::vector<crdt::key> keys(const crdt::key_query& q = {.limit = 100}) {
    return ask<std::vector<crdt::key>>(shard, keys_atom_v, q);
  }

  fake_gossip gossip{sys};
  shard_actor shard = spawn();
  const crdt::key visitors{type::counter, "visitors"};
  const crdt::key fruits{type::set, "fruits"};
};

TEST_F(ShardActor, DropsWhatWaitsForItsKeysWhenItEnds) {
  ask<crdt::view>(shard, apply_atom_v, visitors, increment(1));
  caf::strong_actor_ptr key;
  sys.spawn([&](caf::event_based_actor* self) {
    self->request(shard, caf::infinite, read_atom_v, visitors, crdt::query{})
        .then([&, self](const crdt::view&) { key = self->current_sender(); },
              [](const caf::error&) {});
  });
  settle();
  ASSERT_TRUE(key);

  const auto all = std::make_shared<write_batch>(
      std::vector<write_order>(100, {visitors, increment(1)}), [](const write_batch&) {});
  caf::anon_send_exit(shard, caf::exit_reason::user_shutdown);
  for (std::size_t i = 0; i < 100; ++i)
    caf::anon_send(caf::actor_cast<key_actor>(key), apply_atom_v, write_slot{all, i});
  settle();

  ASSERT_EQ(all.use_count(), 1) << "nobody holds what was not answered";
  std::size_t answered = 0;
  for (const auto& came : all->outcomes())
    answered += std::holds_alternative<crdt::view>(came) ? 1 : 0;
  EXPECT_LT(answered, 10u);
}

TEST_F(ShardActor, CreatesNothingWhenAnUnknownKeyIsRead) {
  EXPECT_EQ(ask_error<crdt::view>(shard, read_atom_v, visitors, crdt::query{}), errc::no_such_key);
  EXPECT_EQ(ask<std::string>(shard, state_atom_v, visitors), "");

  EXPECT_EQ(size(), 0u);
  EXPECT_TRUE(keys().empty());
}

TEST_F(ShardActor, CreatesNothingWhenAWriteChangesNothing) {
  const crdt::payload apple{crdt::payload_kind::text, "apple"};

  EXPECT_EQ(ask<crdt::view>(shard, apply_atom_v, fruits, remove("apple")),
            crdt::view{(crdt::set_view{{{apple, {}}}})});

  EXPECT_EQ(size(), 0u);
}

TEST_F(ShardActor, CreatesNothingWhenARemoveKnowsOfOwnEventsOnly) {
  const crdt::member_change one{{crdt::payload_kind::text, "apple"},
                                crdt::version_vector{{replica, 7}}};
  ask<crdt::view>(shard, apply_atom_v, fruits, crdt::command{crdt::set_change{{}, {one}}});

  EXPECT_EQ(size(), 0u);
}

TEST_F(ShardActor, CreatesNothingWhenAJoinBringsNothing) {
  EXPECT_FALSE(ask<std::size_t>(shard, join_atom_v, fruits, crdt::value{type::set}));

  EXPECT_EQ(size(), 0u);
  EXPECT_TRUE(keys().empty());
}

TEST_F(ShardActor, CreatesAKeyWithItsFirstWrite) {
  ask<crdt::view>(shard, apply_atom_v, visitors, increment(5));
  ask<crdt::view>(shard, apply_atom_v, visitors, increment(2));

  EXPECT_EQ(size(), 1u);
  EXPECT_EQ(ask<crdt::view>(shard, read_atom_v, visitors, crdt::query{}), counter_view(7));
}

class UncertainShard : public ShardActor {
protected:
  UncertainShard() {
    shard = track(spawn_shard(sys, {.keys = {.replica = replica,
                                             .now = [] { return crdt::lww_register::stamp{1}; },
                                             .value_bytes_max = 1 << 20,
                                             .digests = test_digests,
                                             .gossip = gossip.handle(),
                                             .disk = disk,
                                             .reader = track(make_reader(sys, rows))},
                                    .may_number = false}));
    tell(disk, shards_atom_v, std::vector<numbering_actor>{shard});
  }

  std::shared_ptr<counting_store> rows = std::make_shared<counting_store>();
  storage_actor disk = track(spawn_storage(sys, {.rows = rows,
                                                 .seen = {},
                                                 .replica = replica,
                                                 .is_confirmed = false,
                                                 .has_own_thread = false}));
};

TEST_F(UncertainShard, HoldsWritesBackUntilTheIdIsCertainAndNothingElse) {
  const auto first = start_asking<crdt::view>(shard, apply_atom_v, visitors, increment(5));
  const auto second = start_asking<crdt::view>(shard, apply_atom_v, visitors, increment(2));
  const auto third = start_asking<crdt::view>(shard, apply_atom_v, fruits, add("apple"));
  EXPECT_TRUE(first->is_pending() && second->is_pending() && third->is_pending());
  EXPECT_EQ(ask_error<crdt::view>(shard, read_atom_v, visitors, crdt::query{}), errc::no_such_key);
  crdt::pn_counter theirs;
  theirs.add(crdt::replica_id::from(3, 4), 9);
  EXPECT_TRUE(ask<std::size_t>(shard, join_atom_v, visitors, crdt::value{theirs}));
  EXPECT_EQ(ask<crdt::view>(shard, read_atom_v, visitors, crdt::query{}), counter_view(9));

  tell(disk, confirm_atom_v);

  EXPECT_EQ(first->value, counter_view(14));
  EXPECT_EQ(second->value, counter_view(16));
  EXPECT_TRUE(third->value);
  EXPECT_EQ(ask<crdt::view>(shard, apply_atom_v, visitors, increment(1)), counter_view(17));
  const auto value = decode_value(ask<std::string>(shard, state_atom_v, visitors));
  EXPECT_TRUE(value.as<crdt::pn_counter>().entries().contains(replica));
}

TEST_F(UncertainShard, NumbersWhatItHeldUnderTheNewIdIfThereIsOne) {
  tell(shard, state_atom_v, visitors); // awake before
  const auto held = start_asking<crdt::view>(shard, apply_atom_v, visitors, increment(5));
  const auto fresh = ask<crdt::replica_id>(disk, renew_atom_v, replica, storage::renewal{});
  EXPECT_EQ(held->value, counter_view(5));
  const auto value = decode_value(ask<std::string>(shard, state_atom_v, visitors));
  const auto& entries = value.as<crdt::pn_counter>().entries();
  EXPECT_TRUE(entries.contains(fresh));
  EXPECT_FALSE(entries.contains(replica));
}

TEST_F(UncertainShard, RefusesWhatItHeldWhereTheDiskFails) {
  const auto held = start_asking<crdt::view>(shard, apply_atom_v, visitors, increment(5));
  rows->break_down({storage::trouble::full, "no room"});
  tell(disk, doubt_atom_v);
  EXPECT_EQ(held->error, errc::disk_full);
}

TEST_F(ShardActor, CreatesAKeyWithTheFirstJoin) {
  crdt::pn_counter delta;
  delta.add(crdt::replica_id::from(3, 4), 9);

  const auto brought = ask<std::size_t>(shard, join_atom_v, visitors, crdt::value{delta});

  EXPECT_EQ(brought, 1u);
  EXPECT_EQ(size(), 1u);
  EXPECT_EQ(decode_value(ask<std::string>(shard, state_atom_v, visitors)), crdt::value{delta});
}

TEST_F(ShardActor, KeepsKeysOfOneNameAndSeveralTypesApart) {
  const crdt::key counter{type::counter, "x"};
  const crdt::key set{type::set, "x"};
  ask<crdt::view>(shard, apply_atom_v, counter, increment(5));

  EXPECT_EQ(ask_error<crdt::view>(shard, read_atom_v, set, crdt::query{}), errc::no_such_key);

  ask<crdt::view>(shard, apply_atom_v, set, add("apple"));
  EXPECT_EQ(size(), 2u);
  EXPECT_EQ(ask<crdt::view>(shard, read_atom_v, counter, crdt::query{}), counter_view(5));
  EXPECT_EQ(members_of(ask<crdt::view>(shard, read_atom_v, set, crdt::query{})),
            (std::vector<std::string>{"apple"}));
}

TEST_F(ShardActor, HandsOnWhatAReadAsksFor) {
  ask<crdt::view>(shard, apply_atom_v, fruits, add("apple"));
  ask<crdt::view>(shard, apply_atom_v, fruits, add("pear"));

  const auto page =
      ask<crdt::view>(shard, read_atom_v, fruits, crdt::query{crdt::member_page{"apple", 1}});

  EXPECT_EQ(std::get<crdt::page_view>(page).shown.members.at(0).first.data, "pear");
}

TEST_F(ShardActor, ListsItsKeysInOrder) {
  const crdt::key apples{type::set, "apples"};
  for (const auto& key : {fruits, apples})
    ask<crdt::view>(shard, apply_atom_v, key, add("apple"));
  ask<crdt::view>(shard, apply_atom_v, visitors, increment(5));

  EXPECT_EQ(keys(), (std::vector<crdt::key>{visitors, apples, fruits}));
  EXPECT_EQ(keys({.limit = 2}), (std::vector<crdt::key>{visitors, apples}));
  EXPECT_EQ(keys({.after = apples, .limit = 2}), (std::vector<crdt::key>{fruits}));
  EXPECT_EQ(keys({.type = type::counter, .limit = 9}), (std::vector<crdt::key>{visitors}));
  EXPECT_EQ(keys({.prefix = "fr", .limit = 9}), (std::vector<crdt::key>{fruits}));
}

TEST_F(ShardActor, NamesTheKeyInTheDeltaOfAWrite) {
  ask<crdt::view>(shard, apply_atom_v, fruits, add("apple"));

  ASSERT_EQ(gossip.deltas().size(), 1u);
  EXPECT_EQ(gossip.deltas().front().key, fruits);
}

TEST_F(ShardActor, HandsOnTheRefusalOfAWrite) {
  ask<crdt::view>(shard, apply_atom_v, visitors,
                  increment(std::numeric_limits<std::int64_t>::max()));

  EXPECT_EQ(ask_error<crdt::view>(shard, apply_atom_v, visitors, increment(1)),
            errc::counter_range);
}

TEST_F(ShardActor, MapsAKeyAlwaysToTheSameShard) {
  const shard_map map{{spawn(), spawn(), spawn()}};
  const shard_map same{map.all()};

  for (int i = 0; i < 100; ++i) {
    const crdt::key key{type::set, "key-" + std::to_string(i)};
    EXPECT_EQ(map.route(key), same.route(key));
  }
}

TEST_F(ShardActor, SpreadsKeysOverAllShards) {
  constexpr std::size_t shards = 8;
  constexpr std::size_t each = 100;
  std::vector<shard_actor> all;
  for (std::size_t i = 0; i < shards; ++i)
    all.push_back(spawn());
  const shard_map map{all};

  std::map<caf::actor_id, std::size_t> counts;
  for (std::size_t i = 0; i < shards * each; ++i)
    ++counts[map.route({type::counter, "key-" + std::to_string(i)}).id()];

  EXPECT_EQ(counts.size(), shards);
  for (const auto& [shard_id, count] : counts) {
    EXPECT_GT(count, each / 2);
    EXPECT_LT(count, each * 2);
  }
}

} // namespace
} // namespace starling::actors
