#pragma once

// The actor of one key.
//
// Where there is a disk, the value is loaded from there when it is first asked for, of a large set
// only the rows that are needed: at once if they are in memory, else by the reader, which may wait.
// A change is applied at once, in the order in which requests come, and then committed; whoever
// would learn of it is told when that is done: the client that made it, one that reads it, the
// gossip actor, the peer that sent it. A change that cannot be committed is taken back: the value
// is loaded anew, and who waits to read it is shown what the disk has.
//
// Without a disk the value is all there is.

#include "actors/interfaces.hpp"
#include "storage/store.hpp"

#include <caf/actor_system.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace starling::actors {

/// What all key actors of a node share.
struct key_context {
  crdt::replica_id replica;           // who numbers this node's events
  crdt::lww_register::stamp (*now)(); // microseconds since 1970
  std::size_t value_bytes_max;        // what would grow a value beyond it is refused
  replication::digester digests;
  gossip_actor gossip;   // told every delta, and that there are some; may be none
  storage_actor disk{};  // may be none
  reader_actor reader{}; // if there is a disk
  // Of the disk, for what is in memory of it: the reader need not be asked then. May be none.
  std::shared_ptr<const storage::store> rows{};
  std::uint64_t whole_bytes = 0; // more of a set is not held for long, if there is a disk
  caf::telemetry::int_gauge* awake_bytes = nullptr; // of all values in memory, about; may be none
};

/// The same, in a form of which there is one for all keys.
struct key_surroundings;
std::shared_ptr<const key_surroundings> surroundings_of(const key_context& context);

/// Starts the actor of a key. `state` is its encoded value, empty if that is at its bottom or on
/// the disk.
key_actor spawn_key(caf::actor_system& sys, crdt::key key,
                    std::shared_ptr<const key_surroundings> around, std::string state = {});
key_actor spawn_key(caf::actor_system& sys, crdt::key key, const key_context& context,
                    std::string state = {});

} // namespace starling::actors
