// The service above real shards and keys, with a disk: which writes are committed together, and
// that nobody is told before.

#include "../actors/disk_fixture.hpp"
#include "node/service.hpp"

#include <gmock/gmock.h>
#include <numeric>

namespace starling::node {
namespace {

using namespace std::chrono_literals;
using actors::counter_view;
using actors::increment;
using testing::ElementsAre;

struct with_types {
  with_types() { register_types(); }
};

const auto own_id = crdt::replica_id::from(1, 2);

crdt::key counter(std::string name) {
  return {crdt::type::counter, std::move(name)};
}

class ServiceOnDisk : with_types, public actors::actor_test {
protected:
  void spawn(const actors::storage_actor& disk) {
    const auto reader = track(actors::make_reader(sys, rows));
    std::vector<actors::shard_actor> shards;
    for (int i = 0; i < 4; ++i)
      shards.push_back(track(
          actors::spawn_shard(sys, {.keys = {.replica = own_id,
                                             .now = [] { return crdt::lww_register::stamp{1}; },
                                             .value_bytes_max = 1 << 20,
                                             .digests = actors::test_digests,
                                             .gossip = gossip.handle(),
                                             .disk = disk,
                                             .reader = reader,
                                             .rows = rows,
                                             .whole_bytes = 1 << 20}})));
    door.emplace(sys, service_context{actors::shard_map{shards}, gossip.handle(), {}, reader, disk},
                 5s);
  }

  std::shared_ptr<std::optional<write_outcomes>> write(std::vector<write_order> orders) {
    auto result = std::make_shared<std::optional<write_outcomes>>();
    door->write(std::move(orders), [result](write_outcomes came) { *result = std::move(came); });
    settle();
    return result;
  }

  std::shared_ptr<actors::counting_store> rows = std::make_shared<actors::counting_store>();
  actors::fake_gossip gossip{sys};
  std::optional<service> door;
};

TEST_F(ServiceOnDisk, CommitsTheWritesOfACallTogether) {
  spawn(track(actors::spawn_storage(
      sys, {.rows = rows, .seen = {}, .replica = own_id, .has_own_thread = false})));
  std::vector<write_order> orders;
  for (int i = 0; i < 100; ++i)
    orders.push_back({counter(std::to_string(i)), increment(i + 1)});

  const auto came = write(orders);

  ASSERT_TRUE(*came);
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ((**came)[static_cast<std::size_t>(i)], outcome<crdt::view>{counter_view(i + 1)});
  EXPECT_LE(rows->syncs, 5U);
  EXPECT_GE(std::accumulate(rows->groups.begin(), rows->groups.end(), std::size_t{0}), 100U);
}

TEST_F(ServiceOnDisk, AppliesTheCommandsOfAKeyInTheOrderGiven) {
  spawn(track(actors::spawn_storage(
      sys, {.rows = rows, .seen = {}, .replica = own_id, .has_own_thread = false})));

  const auto came = write({{counter("a"), increment(1)},
                           {counter("b"), increment(10)},
                           {counter("a"), increment(2)},
                           {counter("b"), increment(20)},
                           {counter("a"), increment(INT64_MAX)},
                           {counter("a"), increment(3)}});

  ASSERT_TRUE(*came);
  EXPECT_THAT(**came, ElementsAre(counter_view(1), counter_view(10), counter_view(3),
                                  counter_view(30), service_error::counter_range, counter_view(6)))
      << "each succeeds or fails for itself";
}

TEST_F(ServiceOnDisk, TellsNobodyBeforeAllIsCommitted) {
  actors::slow_disk disk{sys, rows};
  const auto storage = track(disk.handle());
  spawn(storage);

  const auto came = write({{counter("a"), increment(1)}, {counter("b"), increment(2)}});
  const auto refused = std::make_shared<std::optional<bool>>();
  door->refuse_writes([refused](bool none_left) { *refused = none_left; });
  settle();
  ASSERT_EQ(disk.waiting(), 2U) << "neither waits for the other";

  disk.commit_one();
  settle();
  EXPECT_FALSE(*came);
  EXPECT_FALSE(*refused);

  disk.fail_one();
  settle();
  ASSERT_TRUE(*came);
  EXPECT_THAT(**came, testing::UnorderedElementsAre(testing::_, service_error::disk_full));
  EXPECT_EQ(*refused, true);
}

} // namespace
} // namespace starling::node
