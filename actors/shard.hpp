#pragma once

// A part of the keys, and who is responsible for which.
//
// A key that is used has an actor; one that is not, after a while or when too many are awake, goes
// to rest: its value is on the disk, or without one here, as encoded bytes. The next message wakes
// it. What comes for a key while it goes to rest waits until it did, so that nothing is lost or
// overtaken.

#include "actors/key.hpp"
#include "storage/lost_keys.hpp"

#include <caf/send.hpp>

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

namespace starling::actors {

struct shard_context {
  key_context keys;
  bool may_number = true; // else the storage actor is asked before the first write
  std::shared_ptr<const storage::lost_keys> lost{}; // that nobody may read or write; may be none
  std::size_t awake_max = 1'000'000;                // keys of this shard
  std::int64_t awake_bytes_max = INT64_MAX;         // of all shards together
  std::chrono::milliseconds rest_after = std::chrono::hours{24}; // without a message
};

shard_actor spawn_shard(caf::actor_system& sys, const shard_context& context);

/// All shards of a node: what stands between the door and the keys. Each key belongs to one.
class shard_map {
public:
  explicit shard_map(std::vector<shard_actor> shards) : shards_(std::move(shards)) {}

  /// The one that is responsible for a key (keyspace/route.hpp).
  const shard_actor& route(const crdt::key& key) const;
  const std::vector<shard_actor>& all() const { return shards_; }

  /// Sends all orders of a batch to their shards.
  template <class Atom, class Batch>
  void send(Atom atom, const std::shared_ptr<Batch>& orders) const {
    std::vector<std::vector<typename Batch::slot>> slots(shards_.size());
    for (std::size_t i = 0; i < orders->size(); ++i)
      slots[place_of(orders->order(i).key)].emplace_back(orders, i);
    for (std::size_t i = 0; i < slots.size(); ++i)
      if (!slots[i].empty())
        caf::anon_send(shards_[i], atom, std::move(slots[i]));
  }

private:
  std::size_t place_of(const crdt::key& key) const;

  std::vector<shard_actor> shards_;
};

} // namespace starling::actors
