#pragma once

// Reads what is committed, for keys that are asleep or whose value is too large to be held.
//
// An actor of its own thread, since the disk may block it.

#include "actors/interfaces.hpp"

#include <caf/actor_system.hpp>

#include <cstdint>
#include <memory>

namespace starling::actors {

struct reader_context {
  std::shared_ptr<const storage::store> rows;
  std::uint64_t whole_bytes; // sets beyond it are read in parts
  replication::digester digests;
  storage_actor disk{};       // told of what cannot be read; may be none
  bool has_own_thread = true; // else it blocks others
};

reader_actor spawn_reader(caf::actor_system& sys, const reader_context& context);

} // namespace starling::actors
