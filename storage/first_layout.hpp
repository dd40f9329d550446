#pragma once

// The rows of format 1, where they are not those of today (layout.hpp): what a folder of that
// version is migrated from. Nothing writes them any more.
//
//   k type name                             -> as today
//   m size name member                      -> as today, of a set
//   e size name live replica number member  -> nothing: the member is held by this event
//   a name of a head, and z name of a head  -> name of a head: what stands from the one up to the
//                                              other is lost
//
// Heads stood in the order of keys, and were the list of them.

#include "storage/layout.hpp"

namespace starling::storage::first_layout {

row_range all_heads();
std::optional<crdt::key> key_of_head(std::string_view name);

/// A range of heads as a range of the list of today.
row_range listed(const row_range& heads);

row_range members_between(const crdt::key& set);
std::optional<crdt::payload> member_of(const crdt::key& set, std::string_view name);

row_range entries_of(const crdt::key& set);
struct entry {
  crdt::entry event;
  crdt::payload member;
};
std::optional<entry> read_entry(const crdt::key& set, std::string_view name);

} // namespace starling::storage::first_layout
