#pragma once

// One line in the log for each thing that membership has to tell.

#include "membership/swim.hpp"

namespace starling::actors {

/// Logs an event that just came out of the core.
void log_event(const membership::event& e, const membership::swim& core);

} // namespace starling::actors
