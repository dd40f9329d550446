#pragma once

// Why a request of a client was not answered: one table, whatever protocol the client speaks.

#include "wire/result.hpp"

#include <caf/fwd.hpp>

#include <cstdint>

namespace starling::node {

enum class service_error : std::uint8_t {
  internal,        // a fault of ours
  no_such_key,     // no write to this key has reached this node
  counter_range,   // the counter would leave the signed 64-bit range
  exhausted,       // no event number or stamp is left for this value
  value_too_large, // the value has reached the size up to which clients may fill it
  disk_full,       // there is no room
  disk_failed,     // the disk takes no writes
  unreadable,      // something on the disk cannot be read
  being_mended,    // the disk has lost what it had of this key, and it is not back yet
  newer_format,    // a later version wrote the value, in a format that is not known here
  key_busy,        // too much waits for this key already
  leaving,         // this node takes no writes, for it is to leave its cluster
  stopping,        // this node ends
  timed_out,       // no answer in the time that clients are waited for
  write_unknown,   // the disk failed while the write was committed
  write_cut_off,   // this node ended while it wrote
};

/// Whether a write that failed so may have happened all the same, and may still show. Of all others
/// it is certain that nothing was changed.
bool may_have_happened(service_error why);

/// What an error of the actors is for a client.
service_error service_error_of(const caf::error& why);

/// What comes of a request.
template <class T>
using outcome = wire::result<T, service_error>;

} // namespace starling::node
