#pragma once

// Which shard of a node is responsible for a key. All keys of a partition have one shard, so a
// shard can close, count or hand over a partition alone.

#include "crdt/slot.hpp"
#include "crdt/value.hpp"

#include <cstddef>

namespace starling::keyspace {

inline crdt::partition partition_of(const crdt::key& key) {
  return crdt::partition_of(crdt::slot_of(key.name));
}

/// The number of the shard, of so many.
inline std::size_t route(const crdt::key& key, std::size_t shards) {
  return static_cast<std::size_t>(partition_of(key)) % shards;
}

} // namespace starling::keyspace
