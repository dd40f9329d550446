#pragma once

// Files that are made, renamed or removed: that survives a power failure once their folder is
// synced.

#include <filesystem>

namespace starling::system {

/// Syncs the names in a folder, the current one if the path is empty; 0, or the number of the
/// error. RocksDB's folders go through its Env instead
/// (storage/disk/damage_note.hpp).
int sync_names(const std::filesystem::path& folder);

} // namespace starling::system
