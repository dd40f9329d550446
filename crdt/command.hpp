#pragma once

// What a client may ask of one value. Applying a command changes the value and gives the delta that
// says how, or changes nothing and says why not: a command is all or nothing.

#include "crdt/value.hpp"

#include <cstddef>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

namespace starling::crdt {

/// Raises (or lowers) a counter. `amount` is not zero.
struct counter_add {
  std::int64_t amount = 0;
};

struct register_assign {
  payload what;
};

/// Adds and removes members of a set. No member is in both lists or twice in one. Without a context
/// an add replaces only this replica's own older add, and a remove removes what this replica
/// observes at that moment.
struct set_change {
  std::vector<member_change> add;
  std::vector<member_change> remove;
  bool shows_members = true; // whether the client wants to see what it touched
};

/// The members that it names, in ascending order.
std::vector<payload> members_of(const set_change& change);

using command = std::variant<counter_add, register_assign, set_change>;

/// The type of value that a command is for.
type type_of(const command& c);

/// Whether a command of replica `self` changes a value at its bottom. One that does not need not be
/// applied to a key that nobody has written.
bool can_create(const command& c, const replica_id& self);

/// About how many bytes a command takes.
std::size_t footprint_of(const command& c);

/// Whether a command can make a value ever larger. One that replaces or removes cannot.
bool can_grow(const command& c);

enum class refusal : std::uint8_t {
  counter_range = 1, // the value would leave the signed 64-bit range
  exhausted = 2,     // no stamp or event number is left: only forged ones lead here
};

/// A sentence for people.
std::string_view to_string(refusal r);

/// The delta of a command, nothing where it changed nothing, or why it was refused.
using outcome = std::variant<std::optional<value>, refusal>;

/// Applies a command as replica `self`; `wall` is the present time in microseconds since 1970.
/// Requires: same type.
outcome apply(value& target, const command& c, const replica_id& self, lww_register::stamp wall);

} // namespace starling::crdt
