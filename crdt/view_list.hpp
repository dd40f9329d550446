#pragma once

// The views of a type.

namespace starling::crdt {

template <class... Views>
struct view_list {};

} // namespace starling::crdt
