#pragma once

// All types of values.

#include "crdt/counter_type.hpp"
#include "crdt/register_type.hpp"
#include "crdt/set_type.hpp"
#include "crdt/type_list.hpp"

namespace starling::crdt {

/// A new type is one line here and its include. The types stand in the order of their numbers.
/// Each type also needs a line in http/api/types.hpp and in tests/crdt/subjects.hpp.
using types = type_list< //
    counter_type,        //
    register_type,       //
    set_type             //
    >;

/// The types that have rows, and the rows of a value of any such type.
using types_with_rows = select_with_rows<types>::list;
using any_rows = select_with_rows<types>::rows;

} // namespace starling::crdt
