#pragma once

// A key and its value, of any of the types that Starling knows.
//
// The type is part of the key: a counter and a set may share a name and never meet. A value at its
// bottom (nothing was ever done to it) is as good as absent.

#include "crdt/types.hpp"

#include <compare>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace starling::crdt {

/// Whether this version knows the type.
constexpr bool is_known(type t) {
  return types::place_of(t).has_value();
}

/// The name of a type, as "counter"; "unknown" for a type that this version does not know.
std::string_view to_string(type t);

/// The type of that name; nothing if no type has it.
std::optional<type> type_named(std::string_view name);

/// Whether values of the type are kept as many rows (crdt/replicated.hpp).
bool has_rows(type t);

/// Calls `visitor` with the type as a `std::type_identity`. Requires: the type has rows.
template <class Visitor>
decltype(auto) visit_with_rows(type t, Visitor&& visitor) {
  return types_with_rows::visit_at(*types_with_rows::place_of(t), visitor);
}

struct key {
  crdt::type type = type::counter;
  std::string name;

  friend auto operator<=>(const key&, const key&) = default;
};

void encode(wire::writer& out, const key& k);

/// Refuses types that this version does not know, and names that no client can give: names that are
/// too long, or not UTF-8.
key decode_key(wire::reader& in);
inline constexpr std::size_t key_name_max = 1024; // bytes

/// One CRDT: a state or a delta.
class value {
public:
  /// A value of the first type at its bottom.
  value() = default;

  /// A value of that type at its bottom. Requires: the type is known.
  explicit value(crdt::type t);

  template <class State>
  requires std::constructible_from<types::state, State> &&
      (!std::same_as<std::remove_cvref_t<State>, value>)value(State&& x)
      : held_(std::forward<State>(x)) {}

  crdt::type type() const { return types::ids[held_.index()]; }
  bool empty() const;

  /// About how many bytes the encoding takes; costs little to ask.
  std::size_t footprint() const;

  /// How many irreducible parts it joins: a counter's entries, a register's write, a set's entries.
  std::size_t elements() const;

  /// `elements` of an encoded value, without decoding it. Requires: the result of `encode`.
  static std::size_t elements_of(std::string_view own_encoding);

  /// Takes in a state or delta of the same type; returns the part that was new, or nothing.
  /// Requires: same type.
  std::optional<value> join(const value& other);

  /// The state. Requires: T is the state of the value's type.
  template <class T>
  T& as() {
    return std::get<T>(held_);
  }
  template <class T>
  const T& as() const {
    return std::get<T>(held_);
  }

  /// Calls `visitor` with the state, and with the type as a `std::type_identity`.
  template <class Visitor>
  decltype(auto) visit(Visitor&& visitor) const {
    return types::visit_at(held_.index(), [&](auto which) {
      return visitor(as<typename decltype(which)::type::state>(), which);
    });
  }
  template <class Visitor>
  decltype(auto) visit(Visitor&& visitor) {
    return types::visit_at(held_.index(), [&](auto which) {
      return visitor(as<typename decltype(which)::type::state>(), which);
    });
  }

  /// The same, but `visitor` need only know types with rows. Requires: the type has rows.
  template <class Visitor>
  decltype(auto) visit_rows(Visitor&& visitor) const {
    return visit_with_rows(type(), [&](auto which) {
      return visitor(as<typename decltype(which)::type::state>(), which);
    });
  }
  template <class Visitor>
  decltype(auto) visit_rows(Visitor&& visitor) {
    return visit_with_rows(type(), [&](auto which) {
      return visitor(as<typename decltype(which)::type::state>(), which);
    });
  }

  /// Format version, type, and the canonical encoding: equal values, equal bytes.
  std::string encode() const;
  static wire::decoded<value> decode(std::string_view bytes);

  /// What `encode` writes before the state.
  static void encode_head(wire::writer& out, crdt::type t);

  friend bool operator==(const value&, const value&) = default;

private:
  types::state held_;
};

/// The value that has seen the events of `seen`, and has these rows. Requires: the type of `seen`
/// has rows, the rows are of that type, and the rows fit the events.
value with_rows(const value& seen, any_rows rows);

} // namespace starling::crdt
