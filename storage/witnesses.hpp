#pragma once

// Since when others keep what they know, as they said: sessions. A node that comes back believes
// those who still say one of these, for they have lost nothing of what it told them since it wrote
// that down (replication/confirmation.hpp). Sessions are random words, so it does not matter whose.

#include "replication/session.hpp"
#include "storage/reading.hpp"

#include <cstddef>
#include <vector>

namespace starling::storage {

/// Of so many at most; what was said longest ago is forgotten first.
inline constexpr std::size_t witnesses_max = 1024;

/// In the order in which they were said. What cannot be read proves nothing, so then there are
/// none.
found<std::vector<replication::session_id>> read_witnesses(const snapshot& at);
void put_witnesses(batch& into, const std::vector<replication::session_id>& all);

} // namespace starling::storage
