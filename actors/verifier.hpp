#pragma once

// Looks for damage on the disk before somebody needs what is damaged: reads all of it, part by
// part, again and again.
//
// An actor of its own thread, since the disk may block it. After each part it rests for nine times
// as long as that took, so that others have the disk.

#include "actors/interfaces.hpp"
#include "storage/store.hpp"

#include <caf/actor_system.hpp>

#include <chrono>
#include <memory>

namespace starling::actors {

struct verifier_context {
  std::shared_ptr<const storage::store> rows;
  storage_actor disk;                 // told of damage
  std::chrono::milliseconds interval; // from the end of one reading to the next
  bool has_own_thread = true;         // else it blocks others
};

verifier_actor spawn_verifier(caf::actor_system& sys, const verifier_context& context);

} // namespace starling::actors
