#pragma once

// One line in the log for each thing that membership has to tell.

#include "membership/swim.hpp"

#include <string>

namespace starling::actors {

/// A sentence for people about each seed and its addresses.
std::string what_came_of_the_seeds(const membership::swim& core);

/// Logs an event that just came out of the core.
void log_event(const membership::event& e, const membership::swim& core);

} // namespace starling::actors
