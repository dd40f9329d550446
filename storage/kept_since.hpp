#pragma once

// Since when a node has lost nothing: the first session in which all was here that is here, and
// that was ever here since.
//
// Others whose data such a node once had rely on it: what it does not have now, they did not have
// then. So whenever something may be gone, it begins anew with the present session. That is so
// whenever a start does not keep the replica id, for that asks for no less (identity.hpp), and with
// the same commit.

#include "replication/session.hpp"
#include "storage/store.hpp"

#include <variant>

namespace starling::storage {

/// What the rows say, or else the present session, which they say from now on.
std::variant<replication::session_id, failure> take_up_kept_since(store& rows,
                                                                  replication::session_id present);

/// The next one begins anew.
void forget_kept_since(batch& into);

void put_kept_since(batch& into, replication::session_id first);

} // namespace starling::storage
