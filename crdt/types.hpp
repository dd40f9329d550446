#pragma once

// All types of values.

#include "crdt/counter_type.hpp"
#include "crdt/register_type.hpp"
#include "crdt/set_type.hpp"
#include "crdt/type_list.hpp"

namespace starling::crdt {

/// A new type is one line here and its include; in the order of their numbers.
using types = type_list< //
    counter_type,        //
    register_type,       //
    set_type             //
    >;

/// Those that have rows, and the rows of a value of any of them.
using types_with_rows = select_with_rows<types>::list;
using any_rows = select_with_rows<types>::rows;

} // namespace starling::crdt
