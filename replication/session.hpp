#pragma once

// One life of one process, as its peers know it: 64 bits drawn at random at each start and never
// stored. Log numbers and acknowledgements are volatile, so they mean something only between two
// sessions.

#include <compare>
#include <cstdint>

namespace starling::replication {

struct session_id {
  std::uint64_t value = 0;
  friend auto operator<=>(const session_id&, const session_id&) = default;
};

} // namespace starling::replication
