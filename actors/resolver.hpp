#pragma once

// The system's resolver as an actor of its own thread: it may take as long as it likes. Of several
// addresses it is always the same one that is found, one that others reach if there is such.

#include "actors/interfaces.hpp"
#include "actors/socket_address.hpp"

#include <caf/actor_system.hpp>

namespace starling::actors {

/// Finds addresses of that family only.
resolver_actor spawn_resolver(caf::actor_system& sys, address_family wanted);

} // namespace starling::actors
