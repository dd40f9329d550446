#pragma once

// The actor of one key.

#include "actors/interfaces.hpp"

#include <caf/actor_system.hpp>

#include <cstddef>

namespace starling::actors {

/// What all key actors of a node share.
struct key_context {
  crdt::replica_id replica;           // who numbers this node's events
  crdt::lww_register::stamp (*now)(); // microseconds since 1970
  std::size_t value_bytes_max;        // what would grow a value beyond it is refused
  replication::digester digests;
  gossip_actor gossip; // told every delta; may be none
};

/// Starts the actor of a key whose value is at its bottom.
key_actor spawn_key(caf::actor_system& sys, crdt::key key, const key_context& context);

} // namespace starling::actors
