#pragma once

// Rows in a folder, by RocksDB: one column family, its log, and files of sorted rows.
//
// What a commit said has happened is there again when the folder is opened, however the process
// ended; after a power failure that goes for what was synced. A commit that was under way is there
// whole or not at all. A folder that holds less than that is not opened (examination.hpp says how
// it is known), but for those who salvage what is whole of it. One process at a time has a folder
// open.
//
// Memory is bounded by the settings: the block cache holds the indexes and filters too, and at most
// two write buffers exist. There is no repair here: a damaged file of rows fails each read that
// meets it.

#include "storage/store.hpp"
#include "wire/result.hpp"

namespace rocksdb {
class Env;
}

namespace starling::storage {

struct rocks_settings {
  std::size_t block_cache_bytes = std::size_t{64} << 20;
  std::size_t write_buffer_bytes = std::size_t{32} << 20;
  /// What stands between RocksDB and the machine; the machine itself if null. It outlives the
  /// store.
  rocksdb::Env* env = nullptr;
  /// Told what RocksDB warns of, from any thread; nobody if null.
  using listener = std::function<void(std::string_view)>;
  listener tell{};
  /// Opens although logs, or files of rows as a whole, are damaged: each read that meets such a
  /// file fails. Nothing can be written then, and nothing in the folder changes.
  bool takes_damage = false;
  /// Somebody has given up what is lost: rows of which files are missing, or nobody knows which do
  /// belong to them, may be rebuilt from what is left of them (rebuild.hpp).
  bool gives_up = false;
  /// What names this boot of the machine; asked of the machine if empty.
  std::string boot{};
};

struct opened {
  std::unique_ptr<store> rows;
  /// If the rows are a backup, or the log ends with what was never synced, so that what was
  /// committed last may be missing: a sentence about it. Each opening tells it again until a synced
  /// commit has succeeded, which must thus carry whatever keeps the lost changes from being taken
  /// for new ones.
  std::optional<std::string> damage;
  /// If logs are damaged and that was taken: a sentence about it. Any row may be missing, or be
  /// there without others that belong to it.
  std::optional<std::string> is_patchwork{};
};

/// Opens the rows in a folder, which is made if it is missing; what is above it must exist. The
/// failure is `corrupted` where something is left to be salvaged, and `missing` where that takes
/// somebody who gives up what is lost.
wire::result<opened, failure> open_rocks_store(const std::string& folder,
                                               const rocks_settings& settings = {});

/// Opens the rows in a folder so that they can be read, on a disk that has no room: nothing in the
/// folder changes, and each commit fails. Fails where there are no rows, or any of them may be
/// damaged.
wire::result<std::unique_ptr<store>, failure>
open_rocks_store_to_read(const std::string& folder, const rocks_settings& settings = {});

} // namespace starling::storage
