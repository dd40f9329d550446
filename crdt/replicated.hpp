#pragma once

// What a type of value has to say of itself.
//
// A type is a struct without members (crdt/counter_type.hpp is the shortest). The struct names the
// state that replicas join, the command that clients give, and the views that clients see. Its
// static functions answer what the rest of the node would otherwise have to ask in a switch. All
// types are in one list (crdt/types.hpp). Values, commands, views, routes, lists of keys and the
// tests of the laws are made from that list.
//
// A new type says `static_assert(replicated<my_type>);` in its source. If something is missing, the
// compiler then names the line below that is not fulfilled.

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

/// The number of a type in messages and rows. A number is never used for another type. The
/// enumerators name the types of today; a later version may know a type with any other number.
enum class type : std::uint8_t { counter = 1, register_ = 2, set = 3 };

/// Microseconds since 1970.
using wall_time = std::uint64_t;

/// What a command did to a state: its delta; or nothing, if it changed nothing; or why it was
/// refused. A refused command changed nothing.
template <class State>
using changed = std::variant<std::optional<State>, refusal>;

template <class Seen, class Views>
inline constexpr bool is_view_of = false;
template <class Seen, class... Views>
inline constexpr bool is_view_of<Seen, view_list<Views...>> = (std::same_as<Seen, Views> || ...);
template <class... Seen, class... Views>
inline constexpr bool is_view_of<std::variant<Seen...>, view_list<Views...>> =
    (is_view_of<Seen, view_list<Views...>> && ...);

/// One of the views in a list, or a variant of some of them.
template <class Seen, class Views>
concept view_among = is_view_of<Seen, Views>;

/// Whether a type says in one of its views how many members the whole value has. (A part of a value
/// does not know that.)
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

/// A state that replicas join; deltas are states, too. A default-constructed state is the bottom:
/// nothing was ever written. The laws (tests/crdt/laws_test.cpp) test what is said here.
template <class S>
concept joinable = std::equality_comparable<S> && std::default_initializable<S> &&
    requires(S& mine, const S& other, wire::writer& out, wire::reader& in) {
      // Takes in another state. Returns the part of `other` that was new, or nothing if `mine`
      // stays as it was. Commutative, associative and idempotent; cannot fail.
      { mine.join(other) } -> std::same_as<std::optional<S>>;

      // Whether the state is the bottom.
      { other.empty() } -> std::same_as<bool>;

      // For reports: how many independent parts the state has, of a counter its replicas, of a set
      // its entries.
      { other.elements() } -> std::same_as<std::size_t>;

      // Equal states have equal bytes. `decode` reads bytes that nobody trusts: it calls `in.fail`
      // if `encode` cannot have written them, and its result counts only if `in.ok()`.
      { other.encode(out) };
      { S::decode(in) } -> std::same_as<S>;
    };

/// What a type with rows says in addition to `replicated`.
template <class T>
concept kept_in_rows =
    has_member_rows<typename T::state> && tells_cardinality_in_all<T, typename T::views> &&
    requires(const typename T::command& command) {
      // The members that a command names, in ascending order. A command changes only the rows of
      // these members, and of members that `touched_by` finds (crdt/rows.hpp).
      { T::members_of(command) } -> std::same_as<std::vector<payload>>;

      // How many events a command numbers, at most.
      { T::events_of(command) } -> std::same_as<std::size_t>;
    };

/// What every type says. `T::views` is the `view_list` of all views that clients can see.
template <class T>
concept replicated =
    joinable<typename T::state> &&
    requires(typename T::state& target, const typename T::state& state,
             const typename T::command& command, const replica_id& self, wall_time wall,
             const query& q, wire::reader& in) {
      // The number of the type.
      { T::id } -> std::convertible_to<type>;

      // A word for clients, as in `GET /keys?type=counter`.
      { T::name } -> std::convertible_to<std::string_view>;

      // Whether a value is kept as many rows, one for each of its members. A write then costs what
      // it touches, however large the value is. A type with rows is also `kept_in_rows`.
      { T::has_rows } -> std::convertible_to<bool>;

      // About how many bytes a state takes. Costs little to ask, also of a large state.
      { T::footprint(state) } -> std::same_as<std::size_t>;

      // `state.elements()` of what `state.encode` has written, without decoding all of it.
      { T::elements_of(in) } -> std::same_as<std::size_t>;

      // Carries out a command as replica `self`. The clock is there for types that order writes.
      { T::apply(target, command, self, wall) } -> std::same_as<changed<typename T::state>>;

      // What a client sees: the answer to a query, and to a command. The state of a query is not
      // empty. The state of a command may be empty, if `can_create` is false for the command.
      { T::view_of(state, q) } -> view_among<typename T::views>;
      { T::view_after(state, command) } -> view_among<typename T::views>;

      // About how many bytes a command takes beyond `sizeof` of its struct.
      { T::footprint_of(command) } -> std::same_as<std::size_t>;

      // Whether a command of replica `self` changes an empty state. If not, and the key was never
      // written, the node does not carry the command out and makes no key.
      { T::can_create(command, self) } -> std::same_as<bool>;

      // Whether clients can make a state ever larger by such commands. The node refuses these
      // commands when the value has reached its largest size. Replacing and removing is never
      // refused.
      { T::can_grow(command) } -> std::same_as<bool>;

      // Whether a join shows that replica `self` has numbered events that it does not remember, as
      // when its disk was set back. The arguments: what was new in the join, the state after the
      // join, and the replica that joined. The node then takes a new replica id. A type whose
      // states name no events of replicas answers false.
      { T::shows_lost_events(state, state, self) } -> std::same_as<bool>;
    } &&
    (!T::has_rows || kept_in_rows<T>);
// clang-format on

} // namespace starling::crdt
