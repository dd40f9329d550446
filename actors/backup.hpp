#pragma once

// Backups of a node: one at a time, made by an actor of its own thread while the others serve, and
// one that says at any time how it goes.
//
// A node that stops does not wait for it, but its process does.

#include "actors/interfaces.hpp"
#include "storage/store.hpp"

#include <caf/actor_system.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace starling::actors {

/// The longest path that a backup is made under.
inline constexpr std::size_t backup_path_bytes_max = 1024;

/// Nobody copies where there is no disk.
backup_actor spawn_backup(caf::actor_system& sys, copier_actor copier);

copier_actor spawn_copier(caf::actor_system& sys, std::shared_ptr<storage::store> rows,
                          std::string identity_file);

} // namespace starling::actors
