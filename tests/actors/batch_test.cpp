// Orders in batches, and keys that run within their shard.

#include "actors/batch.hpp"
#include "actors/inline_unit.hpp"
#include "actors/shard.hpp"
#include "fixture.hpp"

#include <gmock/gmock.h>

namespace starling::actors {
namespace {

using testing::ElementsAre;

TEST(Batch, IsDoneWhenItsLastSlotIsGone) {
  int done = 0;
  auto all = std::make_shared<write_batch>(
      std::vector<write_order>(2, {{crdt::type::counter, "a"}, increment(1)}),
      [&](write_batch& orders) {
        ++done;
        EXPECT_TRUE(std::holds_alternative<crdt::view>(orders.outcomes()[0]));
        EXPECT_TRUE(std::holds_alternative<std::monostate>(orders.outcomes()[1]))
            << "nobody has answered";
      });
  write_slot first{all, 0};
  auto second = std::make_optional<write_slot>(all, 1);
  all.reset();
  first.answer(counter_view(1));
  EXPECT_EQ(done, 0);
  second.reset();
  EXPECT_EQ(done, 1);
}

class Batches : public actor_test {
protected:
  shard_actor spawn(std::size_t awake_max = 1'000) {
    return track(spawn_shard(sys, {.keys = {.replica = crdt::replica_id::from(1, 2),
                                            .now = [] { return crdt::lww_register::stamp{1}; },
                                            .value_bytes_max = 1 << 20,
                                            .digests = replication::digester{{}},
                                            .gossip = gossip.handle()},
                                   .awake_max = awake_max}));
  }

  /// Sends some orders, and lets nobody work.
  void send(const shard_map& shards, std::vector<write_order> orders) {
    shards.send(apply_atom_v,
                std::make_shared<write_batch>(std::move(orders), [this](write_batch& all) {
                  came = std::move(all.outcomes());
                  ++calls;
                }));
  }

  std::vector<std::int64_t> counts() const {
    std::vector<std::int64_t> result;
    for (const auto& one : came)
      result.push_back(std::get<crdt::counter_view>(std::get<crdt::view>(one)).reading.value);
    return result;
  }

  static crdt::key counter(const std::string& name) { return {crdt::type::counter, name}; }

  fake_gossip gossip{sys};
  std::vector<write_batch::outcome> came;
  int calls = 0;
};

TEST_F(Batches, AreAnsweredInTheirOrderOfWhicheverShard) {
  const shard_map shards{{spawn(), spawn(), spawn()}};
  send(shards, {{counter("a"), increment(1)},
                {counter("b"), increment(10)},
                {counter("a"), increment(2)},
                {counter("c"), increment(100)},
                {counter("a"), increment(4)}});
  settle();
  EXPECT_EQ(calls, 1);
  EXPECT_THAT(counts(), ElementsAre(1, 10, 3, 100, 7));
}

TEST_F(Batches, FailInOneOrderAndNotInTheOthers) {
  const shard_map shards{{spawn()}};
  send(shards, {{counter("a"), increment(INT64_MAX)},
                {counter("a"), increment(1)},
                {counter("b"), increment(1)}});
  settle();
  EXPECT_TRUE(std::holds_alternative<crdt::view>(came.at(0)));
  EXPECT_EQ(std::get<caf::error>(came.at(1)), errc::counter_range);
  EXPECT_TRUE(std::holds_alternative<crdt::view>(came.at(2)));
}

TEST_F(Batches, ReachAKeyThatGoesToRestMeanwhile) {
  const shard_map shards{{spawn(1)}};
  for (int i = 0; i < 3; ++i) // each key sends the one before to rest
    send(shards, {{counter("a"), increment(1)},
                  {counter("b"), increment(1)},
                  {counter("a"), increment(1)},
                  {counter("c"), increment(1)}});
  settle();
  EXPECT_EQ(calls, 3);
  EXPECT_THAT(counts(), ElementsAre(5, 3, 6, 3));
}

TEST_F(Batches, ComeToAnEndThoughTheShardDoes) {
  const auto shard = spawn();
  caf::anon_send_exit(shard, caf::exit_reason::user_shutdown);
  send(shard_map{{shard}}, {{counter("a"), increment(1)}});
  settle();
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(came.at(0)));
}

TEST_F(Batches, AreCarriedOutByTheShardItself) {
  const auto shard = spawn();
  send(shard_map{{shard}}, {{counter("a"), increment(1)}, {counter("b"), increment(1)}});
  auto& scheduler = dynamic_cast<caf::scheduler::test_coordinator&>(sys.scheduler());
  while (calls == 0 && scheduler.has_job())
    scheduler.run_once();
  EXPECT_EQ(calls, 1);
  EXPECT_LE(scheduler.jobs.size(), 1u) << "the gossip's, and none of a key";
  settle();
}

} // namespace
} // namespace starling::actors
