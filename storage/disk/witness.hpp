#pragma once

// The witness: what RocksDB's logs and manifest must hold, as a small file `witness` beside them.
//
// RocksDB cannot tell a log or a manifest that lost whole records at its end, or that is an older
// one, from a sound one; and it opens with what is left of them. The witness says of each of these
// files how long it was when it was last written and synced, and has a checksum of that much. So
// the file on the disk must begin with exactly those bytes. What follows them was under way when
// the process ended, and nobody was told of it.
//
// The witness is never ahead of the files: it is written after they are, and before anything is
// removed that an older state of them needs. Written without a sync it outlives the process, and
// may be lost with the power; then an older witness is there, which is right as well. A log is
// named, and that synced, before it is made, so a log that no witness names is foreign. The file
// has two slots, which are written in turn, so that a torn one leaves the other.

#include "wire/result.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <rocksdb/file_system.h>
#include <string>
#include <string_view>
#include <variant>

namespace starling::storage {

/// How much of a file there is, and its checksum.
struct beginning {
  std::uint64_t bytes = 0;
  std::uint32_t sum = 0;
  friend bool operator==(const beginning&, const beginning&) = default;
};

struct witness {
  struct log {
    beginning written; // outlives the process
    beginning synced;  // outlives a power failure
    friend bool operator==(const log&, const log&) = default;
  };

  std::string boot;                           // of the machine, when this was written
  std::map<std::string, beginning> manifests; // by name; CURRENT names one of them
  std::map<std::uint64_t, log> logs;          // by number
  std::uint64_t first_log = 0;                // those with lower numbers are done with
  bool names_all_logs = true; // a log that holds a commit is among them, even after a power failure

  friend bool operator==(const witness&, const witness&) = default;
};

/// Without `names_all_logs`, which stands before a witness in its file.
std::string encode(const witness& w);

/// Nothing if these bytes are no witness.
std::optional<witness> decode_witness(std::string_view bytes);

/// What names this boot of the machine; empty if nobody knows.
std::string boot_of_machine();

class witness_file {
public:
  static constexpr std::string_view name = "witness";

  /// The witness in a folder. `is_there` says whether there is a file, which may be damaged;
  /// `has_spoilt_slot`, whether a slot is not what was written last, so that a newer witness may
  /// have been there. A kill does not tear a slot, which is one page of memory; a power failure
  /// may.
  struct content {
    bool is_there = false;
    bool has_spoilt_slot = false;
    std::optional<witness> what{};
  };
  static wire::result<content, rocksdb::IOStatus> read(rocksdb::FileSystem& disk,
                                                       const std::string& folder);

  /// Makes the file, in the place of one that may be there. It survives a power failure then.
  static rocksdb::IOStatus make(rocksdb::FileSystem& disk, const std::string& folder,
                                const witness& w);

  /// Writes the next slot. The first call opens the file, which must be there.
  rocksdb::IOStatus write(rocksdb::FileSystem& disk, const std::string& folder, const witness& w);
  rocksdb::IOStatus sync();

private:
  std::unique_ptr<rocksdb::FSRandomRWFile> file_;
  std::uint64_t turn_ = 0;
};

} // namespace starling::storage
