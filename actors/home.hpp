#pragma once

// What a node keeps between its lives, and takes up when it starts: who it is, and its rows.

#include "actors/identity.hpp"
#include "actors/options.hpp"
#include "replication/digest.hpp"
#include "storage/folder.hpp"
#include "storage/identity.hpp"
#include "storage/lost_keys.hpp"
#include "storage/store.hpp"

#include <memory>
#include <optional>
#include <string>
#include <variant>

namespace starling::actors {

struct home {
  identity who{};
  std::optional<storage::folder> folder{}; // in use; nothing without a disk
  std::shared_ptr<storage::store> rows{};  // nothing without a disk
  storage::evidence seen{};                // of the disk
  storage::lost_keys lost{};               // that the disk had, and are not back yet
};

/// Opens the data folder, or none if the node is to be in memory only. Draws a new replica id where
/// the old one is in doubt. A sentence about what went wrong, if something did; then nothing was
/// changed that matters.
std::variant<home, std::string> open_home(const options& o);

/// The digests of a cluster's keys.
replication::digester digester_of(const options& o);

} // namespace starling::actors
