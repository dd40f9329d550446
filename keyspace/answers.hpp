#pragma once

// What those are told who asked something of a key.

#include "crdt/value.hpp"
#include "replication/digest.hpp"
#include "replication/tallies.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starling::keyspace {

/// Why a request was not carried out. Nothing was changed, but for `write_unknown`.
enum class reason : std::uint8_t {
  no_such_key = 1,
  counter_range,   // the counter would leave the signed 64-bit range
  exhausted,       // no event number or stamp is left for this value
  value_too_large, // it may shrink, but not grow
  disk_full,
  disk_failed,   // the disk takes no writes
  unreadable,    // something on the disk cannot be read
  write_unknown, // the disk failed within the commit: the change may be there at the next start
  unavailable,   // whoever should have answered is gone, or not ready yet
  newer_format,  // the value is in a format that this version does not know
  bad_message,   // bytes from a peer that are not what they should be
};

struct failure {
  reason why = reason::unavailable;
  std::string what{}; // a sentence for people; may be empty
  friend bool operator==(const failure&, const failure&) = default;
};

/// What a write or a join changed.
struct novelty {
  std::optional<crdt::value> part; // nothing if all of it was known
  replication::digest now;         // of the whole value since

  /// What this node has counted by then, if it is a client's write and there is a disk.
  std::optional<replication::tally> counted{};
};

} // namespace starling::keyspace
