#pragma once

// How we have RocksDB work: bounded in memory and open files, without a log file of its own,
// checking what it reads, and never resuming by itself after an error.

#include "storage/disk/rocks_store.hpp"

#include <rocksdb/options.h>

namespace starling::storage {

/// Neither a listener nor a log filter is set, and a log must be whole to be replayed.
rocksdb::Options rocks_options(const rocks_settings& settings);

} // namespace starling::storage
