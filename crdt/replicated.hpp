#pragma once

// What a type of value says of itself.
//
// A type is a struct without members (crdt/counter_type.hpp is the shortest). It names the state
// that replicas join, the command that clients give and the views that they see, and it answers
// what the rest of the node would otherwise have to ask in a switch. All types are in one list
// (crdt/types.hpp); values, commands, views, routes, lists of keys and the tests of the laws are
// made from that list.

#include "crdt/query.hpp"
#include "crdt/refusal.hpp"
#include "crdt/replica_id.hpp"
#include "crdt/rows.hpp"
#include "crdt/view_list.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

namespace starling::crdt {

/// The number of a type in messages and rows. It is never used for another type. The enumerators
/// are names for some of them; every other number is a type, too, if perhaps one that this version
/// does not know.
enum class type : std::uint8_t { counter = 1, register_ = 2, set = 3 };

/// Microseconds since 1970.
using wall_time = std::uint64_t;

/// What a command did to a state: its delta, nothing where it changed nothing, or why it was
/// refused, and then it changed nothing either.
template <class State>
using changed = std::variant<std::optional<State>, refusal>;

/// A state, as its file describes it: `join` returns what was new, `elements` counts the
/// irreducible parts, equal states have equal encodings.
template <class S>
concept joinable = std::equality_comparable<S> && std::default_initializable<S> &&
    requires(S& mine, const S& other, wire::writer& out, wire::reader& in) {
  { mine.join(other) } -> std::same_as<std::optional<S>>;
  { other.empty() } -> std::same_as<bool>;
  { other.elements() } -> std::same_as<std::size_t>;
  {other.encode(out)};
  { S::decode(in) } -> std::same_as<S>;
};

/// Whether a type says how many members a whole value has in a view of it: a part of a value does
/// not know that.
template <class T, class View>
concept tells_cardinality = requires(View& seen) {
  T::tell_cardinality(seen, std::uint64_t{});
};

template <class T, class Views>
inline constexpr bool tells_cardinality_in_all = false;
template <class T, class... Views>
inline constexpr bool
    tells_cardinality_in_all<T, view_list<Views...>> = (tells_cardinality<T, Views> && ...);

// clang-format off

// What a type with rows says beside all that others do.
template <class T>
concept kept_in_rows =
    has_member_rows<typename T::state> && tells_cardinality_in_all<T, typename T::views> &&
    requires(const typename T::command& command) {
      // The members that a command names, in ascending order: beside those that `touched_by` finds,
      // only their rows can change.
      { T::members_of(command) } -> std::same_as<std::vector<payload>>;

      // How many events it numbers, at most.
      { T::events_of(command) } -> std::same_as<std::size_t>;
    };

template <class T>
concept replicated =
    joinable<typename T::state> &&
    requires(typename T::state& target, const typename T::state& state,
             const typename T::command& command, const replica_id& self, wall_time wall,
             const query& q, wire::reader& in) {
      { T::id } -> std::convertible_to<type>;
      { T::name } -> std::convertible_to<std::string_view>; // a word for clients

      // Whether a value is kept as many rows, one for each of its members, so that a write costs
      // what it touches, however large the value is. Then it is `kept_in_rows`.
      { T::has_rows } -> std::convertible_to<bool>;

      // About how many bytes a state takes; costs little to ask.
      { T::footprint(state) } -> std::same_as<std::size_t>;

      // `state.elements()` of an encoded state, without decoding it.
      { T::elements_of(in) } -> std::same_as<std::size_t>;

      // Applies a command as replica `self`.
      { T::apply(target, command, self, wall) } -> std::same_as<changed<typename T::state>>;

      // What a client sees of a state that is not empty: for a query, and after a command. One of
      // the type's views, or a variant of them.
      { T::view_of(state, q) };
      { T::view_after(state, command) };

      // About how many bytes a command takes beyond its own size.
      { T::footprint_of(command) } -> std::same_as<std::size_t>;

      // Whether a command of replica `self` changes an empty state. One that does not need not be
      // applied to a key that nobody has written.
      { T::can_create(command, self) } -> std::same_as<bool>;

      // Whether a command can make a state ever larger. One that replaces or removes cannot.
      { T::can_grow(command) } -> std::same_as<bool>;

      // Whether `news`, which was new to this replica and gave `state`, shows that the replica has
      // numbered events that it does not remember, as when its disk was set back.
      { T::shows_lost_events(state, state, self) } -> std::same_as<bool>;
    } &&
    (!T::has_rows || kept_in_rows<T>);
// clang-format on

} // namespace starling::crdt
