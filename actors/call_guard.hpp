#pragma once

// The call guard of this process: lets each call in once (wire/call_guard.hpp), whichever thread it
// came to.

#include "actors/interfaces.hpp"
#include "wire/session_id.hpp"

#include <caf/actor_system.hpp>

#include <cstddef>

namespace starling::actors {

/// `own` is the session of this process. Beyond `most_callers` the caller that was silent longest
/// is forgotten, and has to be challenged anew.
call_guard_actor spawn_call_guard(caf::actor_system& sys, wire::session_id own,
                                  std::size_t most_callers);

} // namespace starling::actors
