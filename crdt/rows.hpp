#pragma once

// What a state offers that is kept in rows.
//
// Such a state is a map from members to rows, together with the events that the state has seen. The
// row of a member says which events hold the member, and whatever else the state keeps of it. A
// member without entries has no row. So a row can be kept, sent and digested alone. An operation
// changes only rows of members that it names, and of members that `touched_by` finds by the events
// that the operation brings.
//
// The code that keeps, exchanges or mends rows asks for no more than this (storage/held_value,
// storage/reading, storage/salvage, replication/row_repair, replication/value_parts).

#include "crdt/causal_context.hpp"
#include "crdt/payload.hpp"
#include "crdt/replica_id.hpp"
#include "wire/bytes.hpp"

#include <concepts>
#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace starling::crdt {

/// What a row says of an event of its member.
struct entry {
  replica_id replica;
  event_number number;
  bool live; // whether the event holds the member in the value
  friend bool operator==(const entry&, const entry&) = default;
};

/// An entry, and a pointer to the member and row that the entry stands in. Valid as long as the row
/// is not moved.
template <class Row>
using held_entry = std::pair<const std::pair<const payload, Row>*, entry>;

// clang-format off
template <class S>
concept has_member_rows =
    std::equality_comparable<typename S::row> && std::default_initializable<typename S::row> &&
    std::same_as<typename S::row_map, std::map<payload, typename S::row>> &&
    std::constructible_from<S, causal_context, typename S::row_map> &&
    requires(S& mine, const S& state, typename S::row_map rows, const typename S::row& row,
             const payload& member, const entry& one, const causal_context& events,
             const std::vector<held_entry<typename S::row>>& held, std::string_view bytes,
             wire::writer& out) {
      // All events that the state has seen, and all rows that it holds.
      { state.seen() } -> std::same_as<const causal_context&>;
      { state.rows() } -> std::same_as<const typename S::row_map&>;

      // Adds rows that were left out when the state was made. If a member has a row already, the
      // member keeps it.
      { mine.put(std::move(rows)) };

      // The members, in ascending order, whose rows may change when these events become known. They
      // are those with a live entry among the events, and those with a dead entry before which the
      // events close the last gap; no others.
      { state.touched_by(events) } -> std::same_as<std::vector<payload>>;

      // Whether a row has no entries. Such a row means the same as no row.
      { row.empty() } -> std::same_as<bool>;

      // The entries of a row, ordered by replica and number. The state has seen the events of all
      // live entries, and each of these events holds this member only.
      { S::entries_of(row) } -> std::convertible_to<std::span<const entry>>;

      // Whether the member is in the value.
      { S::is_live(row) } -> std::same_as<bool>;

      // Whether a state that has seen these events can have such a row.
      { S::fits(row, events) } -> std::same_as<bool>;

      // A row as bytes, for the disk and for digests: equal rows have equal bytes. `decode_row`
      // returns a row with entries, or nothing if `encode_row` cannot have written the bytes.
      { S::encode_row(out, row) };
      { S::decode_row(bytes) } -> std::same_as<std::optional<typename S::row>>;

      // About how many bytes a row adds to the footprint of a state. The footprint of a state is
      // the sum over its rows.
      { S::footprint_of(member, row) } -> std::same_as<std::size_t>;

      // How many bytes an entry of a row takes in an encoded state, at most. The member and
      // the id of the replica are not counted.
      { S::bytes_of(row, one) } -> std::same_as<std::size_t>;

      // Writes what `encode` writes for the state that has seen these events and whose rows have
      // these entries. The entries are in the order of members, replicas and numbers.
      { S::encode_part(out, events, held) };
    };
// clang-format on

/// The rows of a value of a type (crdt/replicated.hpp) by themselves.
template <class Type>
struct rows_of {
  typename Type::state::row_map map;
};

} // namespace starling::crdt
