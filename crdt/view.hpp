#pragma once

// What a client sees of a value: a copy without replicas' inner workings, cheap to hand on.

#include "crdt/command.hpp"
#include "crdt/query.hpp"

#include <variant>

namespace starling::crdt {

using view = views_of<types>::variant;

/// What a read shows. Requires: a register was written.
view view_of(const value& v, const query& q = whole_value{});

/// What the write of `c` shows: the whole of a counter or register; of a set the members that `c`
/// touches, whether they are in the set or not, if the client wants to see them. Requires: same
/// type, and a register was written.
view view_of(const value& v, const command& c);

} // namespace starling::crdt
