#pragma once

// The type "set": an observed-remove set, its command and its views.
//
// The causal information in its views is each member's context, which the client may give back with
// a later add or remove.

#include "crdt/or_set.hpp"
#include "crdt/replicated.hpp"
#include "crdt/view_list.hpp"

#include <string>
#include <utility>
#include <vector>

namespace starling::crdt {

/// Adds and removes members of a set. No member is in both lists or twice in one. Without a context
/// an add replaces only this replica's own older add, and a remove removes what this replica
/// observes at that moment.
struct set_change {
  std::vector<member_change> add;
  std::vector<member_change> remove;
  bool shows_members = true; // whether the client wants to see what it touched
};

/// Members in ascending order, each with what its reader has observed.
struct set_view {
  std::vector<std::pair<payload, version_vector>> members;
  std::uint64_t cardinality = 0; // of the whole set
  friend bool operator==(const set_view&, const set_view&) = default;
};

/// A page of a set.
struct page_view {
  set_view shown;
  std::optional<std::string> next; // what the next page comes after; nothing if this is the last
  friend bool operator==(const page_view&, const page_view&) = default;
};

/// A page goes on after its last member, or, if that is longer than this, after a shorter text
/// between it and the following one, where there is any: positions have to fit into a URL.
inline constexpr std::size_t short_position_max = 1024; // bytes

/// One member, in the set or not, with what its reader has observed.
struct member_view {
  payload member;
  bool present = false;
  version_vector observed;
  std::uint64_t cardinality = 0; // of the whole set
  friend bool operator==(const member_view&, const member_view&) = default;
};

struct set_type {
  using state = or_set;
  using command = set_change;
  using views = view_list<set_view, page_view, member_view>;

  static constexpr type id = type::set;
  static constexpr std::string_view name = "set";
  static constexpr bool has_rows = true;

  static std::size_t footprint(const state& x) { return x.footprint(); }
  static std::size_t elements_of(wire::reader& in) { return state::elements_of(in); }
  static changed<state> apply(state& target, const command& c, const replica_id& self, wall_time);
  static std::variant<set_view, page_view, member_view> view_of(const state& x, const query& q);

  /// The members that the command touches, whether they are in the set or not, if the client wants
  /// to see them.
  static set_view view_after(const state& x, const command& c);

  static std::size_t footprint_of(const command& c);
  static bool can_create(const command& c, const replica_id& self);
  static bool can_grow(const command& c) { return !c.add.empty(); }
  static bool shows_lost_events(const state& news, const state& now, const replica_id& self);

  static std::vector<payload> members_of(const command& c);
  static std::size_t events_of(const command& c) { return c.add.size(); }
  static void tell_cardinality(set_view& seen, std::uint64_t n) { seen.cardinality = n; }
  static void tell_cardinality(page_view& seen, std::uint64_t n) { seen.shown.cardinality = n; }
  static void tell_cardinality(member_view& seen, std::uint64_t n) { seen.cardinality = n; }
};

} // namespace starling::crdt
