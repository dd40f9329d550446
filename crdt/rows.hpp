#pragma once

// What a state offers that is kept in rows.
//
// Such a state is a map from members to rows, together with the events that it has seen. A row says
// which events hold the member, and what else the state keeps of it; a member without an entry has
// no row. So a row can be kept, sent and digested alone, and whatever an operation changes are rows
// of members that it names, or of members that `touched_by` finds by the events that it brings.
//
// Whoever keeps, exchanges or mends rows (storage/held_value, storage/reading, storage/salvage,
// replication/row_repair, replication/value_parts) asks for no more than this.

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
  bool live; // it holds the member in the value
  friend bool operator==(const entry&, const entry&) = default;
};

/// An entry and the row that it stands in, for as long as the row is where it is.
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
      { state.seen() } -> std::same_as<const causal_context&>;
      { state.rows() } -> std::same_as<const typename S::row_map&>;

      // Puts in rows that were left out when the state was made; members that have a row here keep
      // theirs.
      { mine.put(std::move(rows)) };

      // The members, in ascending order, whose rows may change when these events become known: those
      // with a live entry among them, or a dead one before which they close the last gap; no others.
      { state.touched_by(events) } -> std::same_as<std::vector<payload>>;

      // Whether a row has no entries; then it is as good as none.
      { row.empty() } -> std::same_as<bool>;

      // Its entries, ordered by replica and number. Live ones are events that the state has seen,
      // and hold no other member.
      { S::entries_of(row) } -> std::convertible_to<std::span<const entry>>;

      // Whether the member is in the value.
      { S::is_live(row) } -> std::same_as<bool>;

      // Whether a state that has seen these events can have such a row.
      { S::fits(row, events) } -> std::same_as<bool>;

      // A row in its canonical encoding, on the disk and for digests: equal rows, equal bytes. What
      // is read is a row with entries, or nothing.
      { S::encode_row(out, row) };
      { S::decode_row(bytes) } -> std::same_as<std::optional<typename S::row>>;

      // About how many bytes a row adds to the footprint of a state, which is the sum of those of
      // its rows; and how many an entry takes in an encoding, at most.
      { S::footprint_of(member, row) } -> std::same_as<std::size_t>;
      { S::bytes_of(row, one) } -> std::same_as<std::size_t>;

      // As `encode` of the state that has seen these events and of whose rows there are these
      // entries, in the order of members, replicas and numbers.
      { S::encode_part(out, events, held) };
    };
// clang-format on

/// The rows of a value of a type (crdt/replicated.hpp) by themselves.
template <class Type>
struct rows_of {
  typename Type::state::row_map map;
};

} // namespace starling::crdt
