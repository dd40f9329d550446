// Keys of a shard that go to sleep and wake.

#include "actors/shard.hpp"
#include "disk_fixture.hpp"

#include <caf/telemetry/gauge.hpp>
#include <caf/telemetry/metric_registry.hpp>

#include <map>
#include <random>

namespace starling::actors {
namespace {

using namespace std::chrono_literals;
using crdt::type;

crdt::key counter(std::string name) {
  return {type::counter, std::move(name)};
}

class ShardSleep : public actor_test {
protected:
  struct limits {
    std::size_t awake_max = 1000;
    std::int64_t awake_bytes_max = 1 << 20;
    std::chrono::milliseconds rest_after = 1h;
  };

  shard_actor spawn(const limits& l, const storage_actor& disk = {},
                    std::shared_ptr<const storage::lost_keys> lost = nullptr) {
    const shard_context context{
        .keys = {.replica = crdt::replica_id::from(1, 2),
                 .now = [] { return crdt::lww_register::stamp{1}; },
                 .value_bytes_max = 1 << 20,
                 .digests = test_digests,
                 .gossip = gossip.handle(),
                 .disk = disk,
                 .reader = disk ? track(make_reader(sys, rows, 100)) : reader_actor{},
                 .whole_bytes = 100,
                 .awake_bytes = sys.metrics().gauge_singleton("test", "bytes", "awake")},
        .lost = std::move(lost),
        .awake_max = l.awake_max,
        .awake_bytes_max = l.awake_bytes_max,
        .rest_after = l.rest_after};
    return track(spawn_shard(sys, context));
  }

  storage_actor spawn_disk() {
    return track(spawn_storage(sys, {.rows = rows, .seen = {}, .has_own_thread = false}));
  }

  std::int64_t awake() {
    return sys.metrics().gauge_singleton("starling", "keys.awake", "awake")->value();
  }

  crdt::view write(const shard_actor& shard, const crdt::key& key, const crdt::command& c) {
    return ask<crdt::view>(shard, apply_atom_v, key, c);
  }

  crdt::view read(const shard_actor& shard, const crdt::key& key) {
    return ask<crdt::view>(shard, read_atom_v, key, crdt::query{});
  }

  std::shared_ptr<counting_store> rows = std::make_shared<counting_store>();
  fake_gossip gossip{sys};
};

TEST_F(ShardSleep, LetsAKeyRestThatNobodyUses) {
  for (const bool has_disk : {false, true}) {
    const auto shard = spawn({.rest_after = 10s}, has_disk ? spawn_disk() : storage_actor{});
    write(shard, counter("a"), increment(5));
    advance(8s);
    EXPECT_EQ(awake(), 1);
    advance(4s);
    EXPECT_EQ(awake(), 0);

    EXPECT_EQ(read(shard, counter("a")), counter_view(5));
    EXPECT_EQ(awake(), 1);
    EXPECT_EQ(write(shard, counter("a"), increment(1)), counter_view(6));
    advance(20s);
    EXPECT_EQ(awake(), 0);
  }
}

TEST_F(ShardSleep, StaysAwakeWhileItIsUsed) {
  const auto shard = spawn({.rest_after = 10s});
  for (int i = 0; i < 5; ++i) {
    write(shard, counter("a"), increment(1));
    advance(8s);
  }
  EXPECT_EQ(awake(), 1);
}

TEST_F(ShardSleep, LetsThoseRestThatWereUsedLeastRecently) {
  const auto shard = spawn({.awake_max = 2}, spawn_disk());
  write(shard, counter("a"), increment(1));
  write(shard, counter("b"), increment(1));
  read(shard, counter("a"));
  write(shard, counter("c"), increment(1));
  EXPECT_EQ(awake(), 2);

  const auto loads = rows->moments;
  read(shard, counter("a"));
  EXPECT_EQ(rows->moments, loads) << "it was awake";
  EXPECT_EQ(read(shard, counter("b")), counter_view(1));
  EXPECT_EQ(rows->moments, loads + 1) << "it was asleep";
}

TEST_F(ShardSleep, LetsKeysRestThatHoldTooMuch) {
  const auto shard = spawn({.awake_bytes_max = 1000});
  for (int i = 0; i < 20; ++i)
    write(shard, {type::register_, std::to_string(i)}, assign(std::string(200, 'x')));
  advance(30s);
  EXPECT_LE(sys.metrics().gauge_singleton("test", "bytes", "awake")->value(), 1000);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(read(shard, {type::register_, std::to_string(i)}),
              (crdt::view{crdt::register_view{{crdt::payload_kind::text, std::string(200, 'x')}}}));
}

TEST_F(ShardSleep, ListsThoseThatAreAsleepToo) {
  const auto shard = spawn({.awake_max = 1});
  for (const auto* name : {"b", "a", "c"})
    write(shard, counter(name), increment(1));
  EXPECT_EQ(ask<std::vector<crdt::key>>(shard, keys_atom_v, crdt::key_query{.limit = 10}),
            (std::vector{counter("a"), counter("b"), counter("c")}));
  EXPECT_EQ(ask<std::vector<crdt::key>>(shard, keys_atom_v, crdt::key_query{.limit = 2}),
            (std::vector{counter("a"), counter("b")}));
}

TEST_F(ShardSleep, LosesNothingThatComesWhileAKeyGoesToRest) {
  slow_disk disk{sys, rows};
  const auto shard = spawn({.awake_max = 1}, disk.handle());
  std::vector<std::shared_ptr<const outcome<crdt::view>>> answers;
  // `a` is at work when it is told to rest for `b`, and so on.
  for (int i = 0; i < 6; ++i)
    answers.push_back(start_asking<crdt::view>(shard, apply_atom_v, counter(i % 2 == 0 ? "a" : "b"),
                                               increment(1)));
  while (disk.waiting() > 0) {
    disk.commit_one();
    settle();
  }
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(answers[static_cast<std::size_t>(i)]->value, counter_view(i / 2 + 1)) << i;
}

TEST_F(ShardSleep, DoesWhatAMapOfCountersDoesWhoeverSleeps) {
  for (const bool has_disk : {false, true})
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      SCOPED_TRACE("seed " + std::to_string(seed));
      rows = std::make_shared<counting_store>();
      const auto shard =
          spawn({.awake_max = 3, .rest_after = 5s}, has_disk ? spawn_disk() : storage_actor{});
      std::mt19937_64 random{seed};
      std::map<std::string, std::int64_t> model;
      for (int i = 0; i < 300; ++i) {
        const auto name = std::to_string(random() % 12);
        // Several messages without a moment in between.
        for (auto times = random() % 3; times > 0; --times) {
          caf::anon_send(shard, apply_atom_v, std::vector{slot_for(increment(2), counter(name))});
          model[name] += 2;
        }
        if (random() % 2 == 0)
          settle();
        if (random() % 10 == 0)
          advance(std::chrono::seconds{random() % 8});
        if (model.contains(name)) {
          ASSERT_EQ(read(shard, counter(name)), counter_view(model[name]));
        }
      }
      EXPECT_LE(awake(), 4);
      caf::anon_send_exit(shard, caf::exit_reason::kill);
      settle();
    }
}

TEST_F(ShardSleep, NumbersEventsUnderANewIdFromNowOn) {
  const auto shard = spawn({});
  write(shard, counter("a"), increment(1));
  tell(shard, renew_atom_v, crdt::replica_id::from(7, 7), storage::renewal{});
  write(shard, counter("a"), increment(1));
  write(shard, counter("b"), increment(1));

  const auto entries = [&](const char* name) {
    const auto state = decode_value(ask<std::string>(shard, state_atom_v, counter(name)));
    return state.as<crdt::pn_counter>().entries();
  };
  EXPECT_EQ(entries("a").size(), 2u);
  EXPECT_TRUE(entries("b").contains(crdt::replica_id::from(7, 7)));
}

// --- what the disk has lost --------------------------------------------------------------------

TEST_F(ShardSleep, GivesAndTakesNothingOfLostKeysUntilTheyAreBack) {
  storage::lost_keys lost;
  lost.add(counter("a"));
  const auto disk = spawn_disk();
  const auto shard = spawn({}, disk, std::make_shared<const storage::lost_keys>(lost));

  EXPECT_EQ(ask_error<crdt::view>(shard, apply_atom_v, counter("a"), increment(1)),
            errc::being_mended);
  EXPECT_EQ(ask_error<crdt::view>(shard, read_atom_v, counter("a"), crdt::query{}),
            errc::being_mended);
  EXPECT_EQ(write(shard, counter("b"), increment(2)), counter_view(2));
  crdt::pn_counter theirs;
  theirs.add(crdt::replica_id::from(3, 4), 5);
  EXPECT_TRUE(ask<std::size_t>(shard, join_atom_v, counter("a"), crdt::value{theirs}));

  tell(shard, mended_atom_v);
  EXPECT_EQ(write(shard, counter("a"), increment(1)), counter_view(6));
}

} // namespace
} // namespace starling::actors
