#pragma once

// The system's resolver as an actor. It may take as long as it likes with a name: each is looked up
// in a thread of its own, so that one that nobody answers for holds up no other. Whoever asks sees
// to it that not too many are under way.
//
// Servers of names list addresses in turns; here they are always in the same order, those first
// that others reach as well.

#include "actors/interfaces.hpp"
#include "system/socket_address.hpp"

#include <caf/actor_system.hpp>

namespace starling::actors {

/// Finds addresses of that family only.
resolver_actor spawn_resolver(caf::actor_system& sys, system::address_family wanted);

} // namespace starling::actors
