#pragma once

// Since when a node has lost nothing: the first session in which all was here that is here, and
// that was ever here since.
//
// Others whose data such a node once had rely on it: what it does not have now, they did not have
// then. So whenever something may be gone, it begins anew with the present session. That is so
// whenever a start does not keep the replica id, for that asks for no less (identity.hpp), and with
// the same commit.

#include "replication/session.hpp"
#include "replication/tallies.hpp"
#include "storage/reading.hpp"
#include "storage/store.hpp"
#include "wire/result.hpp"

#include <variant>
#include <vector>

namespace starling::storage {

/// What the rows say, or else the present session, which they say from now on.
wire::result<replication::session_id, failure> adopt_kept_since(store& rows,
                                                                replication::session_id present);

/// The next one begins anew.
void forget_kept_since(batch& into);

void put_kept_since(batch& into, replication::session_id first);

/// The replica ids that the node gave up since then, for nobody could say whether others had later
/// events, and what it had counted under each. Whoever turns out to know more shows that something
/// was lost. Where it begins anew there are none.
found<std::vector<replication::tally>> read_former_ids(const snapshot& at);
void put_former_ids(batch& into, const std::vector<replication::tally>& ids);

/// Of so many at most, the latest.
inline constexpr std::size_t former_ids_max = 16;

} // namespace starling::storage
