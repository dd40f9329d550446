#pragma once

// The storage actor: commits what the keys change, many changes with one write to the disk.
//
// While the disk is busy with one group, whatever comes waits in the mailbox and is the next group:
// so the number of syncs follows from the disk and not from the number of writes. Where the disk is
// slow, those who were answered get a moment to be in that group as well: clients that send their
// next write after each answer would else end up in two groups that wait for each other. An actor
// of its own thread, since it blocks.

#include "actors/interfaces.hpp"
#include "replication/session.hpp"
#include "storage/identity.hpp"

#include <caf/actor_system.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::actors {

/// When a write is answered.
enum class durability : std::uint8_t {
  sync,  // when it survives a power failure
  batch, // when it survives the end of the process; a power failure takes the last moments
  none,  // as batch, and the operating system decides how many moments
};

/// Of its name: sync, batch or none.
durability durability_of(std::string_view name);

struct storage_context {
  std::shared_ptr<storage::store> rows;
  storage::evidence seen;                   // of the disk
  crdt::replica_id replica;                 // that is kept there
  replication::session_id session{};        // of this process
  std::uint64_t changes = 0;                // of this node, that the disk has
  std::vector<replication::tally> former{}; // under ids that it gave up since it lost anything
  bool is_confirmed = true; // else it is not certain that others know of no later ones
  std::optional<storage::renewal> renewed{}; // if the id took the place of another at this start
  durability level = durability::sync;
  std::chrono::milliseconds batch_interval{100}; // between syncs at `batch`
  bool is_mending = false;                       // keys were lost that are not back yet
  bool were_rows_removed = false;                // rows were removed before this start
  bool has_own_thread = true;                    // else it blocks others
  std::optional<storage::failure> failure{};     // why nothing can be written from the beginning

  // The folder is looked for now and then, and after each commit: what was written to one that was
  // removed or unmounted is lost with this process. Once the disk has failed or is found damaged,
  // the node is to be started again, for only then what failed can be told, and what is damaged
  // rebuilt: as soon as this folder, that of all data, has so much room. Nobody is called if there
  // is none.
  std::string folder{};
  std::uint64_t room_bytes = 0;
  std::chrono::milliseconds retry_interval{10'000}; // between looks
  std::function<void()> start_again{};
};

storage_actor spawn_storage(caf::actor_system& sys, const storage_context& context);

/// The error that a failure to write is to others.
caf::error to_error(const storage::failure& why);

} // namespace starling::actors
