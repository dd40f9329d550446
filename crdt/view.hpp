#pragma once

// What a client sees of a value: a copy without replicas' inner workings, cheap to hand on.
//
// The only causal information in it is each set member's context, which the client may give back
// with a later add or remove.

#include "crdt/command.hpp"
#include "crdt/query.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace starling::crdt {

struct counter_view {
  pn_counter::reading reading;
  friend bool operator==(const counter_view&, const counter_view&) = default;
};

struct register_view {
  payload what;
  friend bool operator==(const register_view&, const register_view&) = default;
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

/// One member, in the set or not, with what its reader has observed.
struct member_view {
  payload member;
  bool present = false;
  version_vector observed;
  std::uint64_t cardinality = 0; // of the whole set
  friend bool operator==(const member_view&, const member_view&) = default;
};

using view = std::variant<counter_view, register_view, set_view, page_view, member_view>;

/// A page goes on after its last member, or, if that is longer than this, after a shorter text
/// between it and the following one, where there is any: positions have to fit into a URL.
inline constexpr std::size_t short_position_max = 1024; // bytes

/// What a read shows. Requires: a register was written.
view view_of(const value& v, const query& q = whole_value{});

/// What the write of `c` shows: the whole of a counter or register; of a set the members that `c`
/// touches, whether they are in the set or not, if the client wants to see them. Requires: same type, and a register was written.
view view_of(const value& v, const command& c);

} // namespace starling::crdt
