#pragma once

// What a client may ask of one value. Applying a command changes the value and gives the delta that
// says how, or changes nothing and says why not: a command is all or nothing.

#include "crdt/value.hpp"

#include <cstddef>
#include <optional>
#include <variant>

namespace starling::crdt {

using command = types::command;

/// The type of value that a command is for.
type type_of(const command& c);

/// Whether a command of replica `self` changes a value at its bottom. If not, the command need not
/// be applied to a key that nobody has written.
bool can_create(const command& c, const replica_id& self);

/// About how many bytes a command takes.
std::size_t footprint_of(const command& c);

/// Whether a command can make a value ever larger. A command that replaces or removes cannot.
bool can_grow(const command& c);

/// The delta of a command, nothing where it changed nothing, or why it was refused.
using outcome = std::variant<std::optional<value>, refusal>;

/// Applies a command as replica `self`; `wall` is the present time.
/// Requires: target and command are of one type.
outcome apply(value& target, const command& c, const replica_id& self, wall_time wall);

} // namespace starling::crdt
