#pragma once

// The type "register": a register whose last write wins, its command and its view.

#include "crdt/lww_register.hpp"
#include "crdt/replicated.hpp"
#include "crdt/view_list.hpp"

namespace starling::crdt {

struct register_assign {
  payload what;
};

struct register_view {
  payload what;
  friend bool operator==(const register_view&, const register_view&) = default;
};

struct register_type {
  using state = lww_register;
  using command = register_assign;
  using views = view_list<register_view>;

  static constexpr type id = type::register_;
  static constexpr std::string_view name = "register";
  static constexpr bool has_rows = false;

  static std::size_t footprint(const state& x);
  static std::size_t elements_of(wire::reader& in);
  static changed<state> apply(state& target, const command& c, const replica_id& self,
                              wall_time wall);

  /// Requires: it was written.
  static register_view view_of(const state& x, const query&);
  static register_view view_after(const state& x, const command&) { return view_of(x, {}); }

  static std::size_t footprint_of(const command& c) { return c.what.data.size(); }
  static bool can_create(const command&, const replica_id&) { return true; }
  static bool can_grow(const command&) { return false; }
  static bool shows_lost_events(const state& news, const state&, const replica_id& self) {
    return news.current()->by == self;
  }
};

} // namespace starling::crdt
