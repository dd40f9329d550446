#pragma once

// What clients ask of a simulated cluster.

#include "crdt/command.hpp"
#include "sim/cluster/history.hpp"
#include "sim/timeline.hpp"

namespace starling::simulation {

/// One of so many keys of each type; sets more often. Requires: names > 0.
crdt::key draw_key(dice& random, std::size_t names);

/// A member that commands may name.
crdt::payload draw_member(dice& random);

/// A command for a key; some of a set with a context that was `read`, if there is one.
crdt::command draw_command(dice& random, crdt::type type, const contexts* read);

} // namespace starling::simulation
