#pragma once

// A part of the keys, and who is responsible for which.

#include "actors/key.hpp"

#include <vector>

namespace starling::actors {

shard_actor spawn_shard(caf::actor_system& sys, const key_context& context);

/// All shards of a node. Each key belongs to one.
class shard_map {
public:
  explicit shard_map(std::vector<shard_actor> shards) : shards_(std::move(shards)) {}

  const shard_actor& of(const crdt::key& key) const;
  const std::vector<shard_actor>& all() const { return shards_; }

private:
  std::vector<shard_actor> shards_;
};

} // namespace starling::actors
