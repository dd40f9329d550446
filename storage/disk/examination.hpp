#pragma once

// What a start finds in a folder of RocksDB's, before RocksDB opens it and changes it.
//
// There are four cases, and each asks for something else.
//
// (a) All is as the witness says (witness.hpp). The newest log may end within a record: the process
//     was killed while it wrote, and nobody was told of that commit. Nothing is lost.
// (b) All is as the witness says, but what follows in a log is not the beginning of a record. The
//     power failed, and what was not synced is there in part. Nothing that was synced is lost.
//     Or a slot of the witness is spoilt: then the newest witness may be lacking, and what only
//     that one named may be lost without any other sign, even if it was synced.
// (c) A log or the witness is not what was written. What RocksDB would make of the rest need not be
//     the rows of any moment: a newer row may be there without an older one that belongs to it, so
//     that a set claims events whose members are gone. Any key may have lost something. Such a
//     folder is never used: what is whole of it is copied (salvage.hpp).
// (d) The manifest, or CURRENT, which names it, is not what was written. Nobody knows which files
//     of rows there should be, and RocksDB removes those that it does not find in it. Such a folder
//     is left as it is, for somebody to bring back what is missing.

#include "storage/disk/witness.hpp"
#include "wire/result.hpp"

#include <rocksdb/env.h>
#include <string>
#include <variant>

namespace starling::storage {

struct finding {
  enum class kind : std::uint8_t {
    nothing,      // no rows were ever committed here
    whole,        // (a)
    unsynced_end, // (b)
    damaged_logs, // (c)
    damaged_head, // (d)
  };

  kind what = kind::nothing;
  bool is_torn = false; // of what is whole: the newest log ends within a record
  std::string why{};    // of all else: a sentence
  witness known{};      // of what is there now
};

/// Looks at the files of a folder. `boot` names the boot of the machine.
wire::result<finding, rocksdb::Status> examine(rocksdb::Env& env, const std::string& folder,
                                               const std::string& boot);

/// Makes the witness of a folder that is known to be whole, such as a copy that was just made.
rocksdb::Status make_witness(rocksdb::Env& env, const std::string& folder, const std::string& boot);

} // namespace starling::storage
