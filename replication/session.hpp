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

/// Said in the place of a session since which a node has lost nothing: that is not known yet, or
/// what it lost may come back.
inline constexpr session_id not_settled{~std::uint64_t{0}};

} // namespace starling::replication
