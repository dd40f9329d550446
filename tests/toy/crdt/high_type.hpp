#pragma once

// A type that the product does not have: the greatest number that was ever written. It shows that a
// type is added by one pair here, one pair in the HTTP API and a line in each list
// (tests/toy/*.patch), and stands in for the types of versions to come.

#include "crdt/replicated.hpp"
#include "crdt/view_list.hpp"
#include "wire/bytes.hpp"

#include <optional>

namespace starling::crdt {

class high {
public:
  std::uint64_t number() const { return number_; }

  std::optional<high> raise(std::uint64_t to);
  std::optional<high> join(const high& other) { return raise(other.number_); }

  bool empty() const { return number_ == 0; }
  std::size_t elements() const { return empty() ? 0 : 1; }

  void encode(wire::writer& out) const { out.varint(number_); }
  static high decode(wire::reader& in);

  friend bool operator==(const high&, const high&) = default;

private:
  std::uint64_t number_ = 0;
};

struct high_raise {
  std::uint64_t to = 1;
};

struct high_view {
  std::uint64_t number = 0;
  friend bool operator==(const high_view&, const high_view&) = default;
};

struct high_type {
  using state = high;
  using command = high_raise;
  using views = view_list<high_view>;

  static constexpr type id{200};
  static constexpr std::string_view name = "high";
  static constexpr bool has_rows = false;

  static std::size_t footprint(const state&) { return sizeof(state); }
  static std::size_t elements_of(wire::reader& in) { return in.varint() != 0 ? 1 : 0; }
  static changed<state> apply(state& target, const command& c, const replica_id&, wall_time) {
    return target.raise(c.to);
  }
  static high_view view_of(const state& x, const query&) { return {x.number()}; }
  static high_view view_after(const state& x, const command&) { return {x.number()}; }
  static std::size_t footprint_of(const command&) { return 0; }
  static bool can_create(const command& c, const replica_id&) { return c.to > 0; }
  static bool can_grow(const command&) { return false; }
  static bool shows_lost_events(const state&, const state&, const replica_id&) { return false; }
};

} // namespace starling::crdt
