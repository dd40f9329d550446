#pragma once

// The type "counter": a PN-counter, its command and its view.

#include "crdt/pn_counter.hpp"
#include "crdt/replicated.hpp"
#include "crdt/view_list.hpp"

namespace starling::crdt {

/// Raises (or lowers) a counter. `amount` is not zero.
struct counter_add {
  std::int64_t amount = 0;
};

struct counter_view {
  pn_counter::reading reading;
  friend bool operator==(const counter_view&, const counter_view&) = default;
};

struct counter_type {
  using state = pn_counter;
  using command = counter_add;
  using views = view_list<counter_view>;

  static constexpr type id = type::counter;
  static constexpr std::string_view name = "counter";
  static constexpr bool has_rows = false;

  static std::size_t footprint(const state& x);
  static std::size_t elements_of(wire::reader& in);
  static changed<state> apply(state& target, const command& c, const replica_id& self, wall_time);
  static counter_view view_of(const state& x, const query&) { return {x.read()}; }
  static counter_view view_after(const state& x, const command&) { return {x.read()}; }
  static std::size_t footprint_of(const command&) { return 0; }
  static bool can_create(const command&, const replica_id&) { return true; }
  static bool can_grow(const command&) { return false; }

  /// Nobody else changes our totals.
  static bool shows_lost_events(const state& news, const state&, const replica_id& self) {
    return news.entries().contains(self);
  }
};

} // namespace starling::crdt
