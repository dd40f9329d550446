#pragma once

// A key and its value, of any of the types that Starling knows.
//
// The type is part of the key: a counter and a set may share a name and never meet. A value at its
// bottom (nothing was ever done to it) is as good as absent.

#include "crdt/lww_register.hpp"
#include "crdt/or_set.hpp"
#include "crdt/pn_counter.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace starling::crdt {

enum class type : std::uint8_t { counter = 1, register_ = 2, set = 3 };

/// "counter", "register" or "set".
std::string_view to_string(type t);

struct key {
  crdt::type type = type::counter;
  std::string name;

  friend auto operator<=>(const key&, const key&) = default;
};

void encode(wire::writer& out, const key& k);

/// Refuses names that no user can give: those that are longer, or not UTF-8.
key decode_key(wire::reader& in);
inline constexpr std::size_t key_name_max = 1024; // bytes

/// One CRDT: a state or a delta.
class value {
public:
  /// A counter at its bottom.
  value() = default;

  /// A value of that type at its bottom.
  explicit value(crdt::type t);
  value(pn_counter x) : held_(std::move(x)) {}
  value(lww_register x) : held_(std::move(x)) {}
  value(or_set x) : held_(std::move(x)) {}

  crdt::type type() const { return static_cast<crdt::type>(held_.index() + 1); }
  bool empty() const;

  /// About how many bytes the encoding takes; costs little to ask.
  std::size_t footprint() const;

  /// How many irreducible parts it joins: a counter's entries, a register's write, a set's entries.
  std::size_t elements() const;

  /// The same of an encoded value, without decoding it. Requires: the result of `encode`.
  static std::size_t elements_of(std::string_view own_encoding);

  /// Takes in a state or delta of the same type; returns the part that was new, or nothing.
  /// Requires: same type.
  std::optional<value> join(const value& other);

  /// The one of that type. Requires: the type.
  template <class T>
  T& as() {
    return std::get<T>(held_);
  }
  template <class T>
  const T& as() const {
    return std::get<T>(held_);
  }

  /// Format version, type, and the canonical encoding: equal values, equal bytes.
  std::string encode() const;
  static wire::decoded<value> decode(std::string_view bytes);

  /// As `encode` of a set that is elsewhere: see or_set.
  static std::string encode_set(const causal_context& seen,
                                const std::vector<or_set::held_entry>& held);

  friend bool operator==(const value&, const value&) = default;

private:
  std::variant<pn_counter, lww_register, or_set> held_;
};

} // namespace starling::crdt
