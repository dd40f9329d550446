#pragma once

// A value with rows (crdt/rows.hpp) of any size, as deltas of a bounded size.
//
// A part of a value may claim only what it carries, or its receiver takes everything else for
// removed. So a value is cut by events: a part claims an interval of the events of one replica, or
// several such, and carries, of every member that one of them holds in the value, what the row says
// of that event. Its other events are over, and that is what it says of them. A part can be joined
// alone, in any order and at any time; all of them together are the whole.

#include "crdt/value.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace starling::replication {

/// Deltas that are together the whole, encoded as values: at least one, each of about `bytes_max`
/// bytes at most, or with one event only. Requires: the value has rows.
std::vector<std::string> parts_of(const crdt::value& whole, std::size_t bytes_max);

} // namespace starling::replication
