#pragma once

// What those are told who asked something of a key.

#include "crdt/value.hpp"
#include "replication/digest.hpp"
#include "replication/session.hpp"
#include "replication/tallies.hpp"

#include <cstddef>
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

/// What writes or a join changed.
struct novelty {
  crdt::value part;        // what was new
  replication::digest now; // of the whole value since

  /// What this node has counted by then, if it is of clients' writes and there is a disk.
  std::optional<replication::tally> counted{};

  /// The peer that sent it; nothing for clients' writes.
  std::optional<replication::session_id> from{};
};

/// What came of the parts that a peer sent, together.
struct join_outcome {
  std::optional<failure> why{}; // some of it could not be joined
  std::size_t skipped = 0;      // so many were skipped, for the key has a format of a later version

  void add(const failure& of_a_part) {
    if (of_a_part.why == reason::newer_format)
      ++skipped;
    else
      why = of_a_part;
  }
};

} // namespace starling::keyspace
