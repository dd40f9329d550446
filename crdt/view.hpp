#pragma once

// What a client sees of a value: a copy without replicas' inner workings, cheap to hand on.

#include "crdt/command.hpp"
#include "crdt/query.hpp"

#include <cstdint>
#include <variant>

namespace starling::crdt {

using view = views_of<types>::variant;

/// What a read shows. Requires: a register was written.
view view_of(const value& v, const query& q = whole_value{});

/// What the write of `c` shows: the whole of a counter or register; of a set the members that `c`
/// touches, whether they are in the set or not, if the client wants to see them. Requires: `v` and
/// `c` are of one type, and a register was written.
view view_of(const value& v, const command& c);

/// Says in the view of a part of a value how many members the whole value has. Requires: `seen` is
/// a view of the type `of`, and the type has rows.
void tell_cardinality(view& seen, type of, std::uint64_t members);

} // namespace starling::crdt
