#pragma once

// A type with rows that the product does not have: a board of names and their scores. It shows that
// nothing of the node but a type's own pair knows what its rows are.
//
// A name is on the board while an event holds it, and its score is the greatest that its events
// brought. To put a name on it, or to take it off, replaces the events that are known there; those
// that others number at the same time stay.

#include "crdt/replicated.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace starling::crdt {

/// Puts names on a board, and takes others off. No name is in both lists or twice in one.
struct board_change {
  std::map<std::string, std::uint64_t> put;
  std::set<std::string> drop;
};

class board {
public:
  using row = std::map<dot, std::uint64_t>; // what each event that holds the name brought
  using row_map = std::map<payload, row>;

  board() = default;

  /// Requires: the events in the rows are among those that were seen.
  board(causal_context seen, row_map rows) : seen_(std::move(seen)), rows_(std::move(rows)) {}

  static std::uint64_t score_of(const row& r);

  /// Returns the delta, or nothing if nothing changed. Requires: `self` has event numbers left.
  std::optional<board> change(const replica_id& self, const board_change& what);

  std::optional<board> join(const board& other);

  bool empty() const { return seen_.empty() && rows_.empty(); }
  std::size_t elements() const;
  std::size_t footprint() const;

  void encode(wire::writer& out) const;
  static board decode(wire::reader& in);

  // -- as rows (crdt/rows.hpp) --

  const causal_context& seen() const { return seen_; }
  const row_map& rows() const { return rows_; }
  void put(row_map left_out) { rows_.merge(std::move(left_out)); }
  std::vector<payload> touched_by(const causal_context& events) const;

  static std::vector<entry> entries_of(const row& r);
  static bool is_live(const row& r) { return !r.empty(); }
  static bool fits(const row& r, const causal_context& seen);
  static void encode_row(wire::writer& out, const row& r);
  static std::optional<row> decode_row(std::string_view bytes);
  static std::size_t footprint_of(const payload& member, const row& r);
  static std::size_t bytes_of(const row&, const entry&) { return entry_bytes; }
  static void encode_part(wire::writer& out, const causal_context& seen,
                          const std::vector<held_entry<row>>& held);

  friend bool operator==(const board&, const board&) = default;

private:
  static constexpr std::size_t entry_bytes = 36; // at most

  causal_context seen_;
  row_map rows_;
};

/// Some names and their scores; nothing for one that is not on the board.
struct board_view {
  std::vector<std::pair<std::string, std::optional<std::uint64_t>>> scores;
  std::uint64_t cardinality = 0; // of the whole board
  std::optional<std::string> next;
  friend bool operator==(const board_view&, const board_view&) = default;
};

struct board_type {
  using state = board;
  using command = board_change;
  using views = view_list<board_view>;

  static constexpr type id{201};
  static constexpr std::string_view name = "board";
  static constexpr bool has_rows = true;

  static std::size_t footprint(const state& x) { return x.footprint(); }
  static std::size_t elements_of(wire::reader& in) { return state::decode(in).elements(); }
  static changed<state> apply(state& target, const command& c, const replica_id& self, wall_time);
  static board_view view_of(const state& x, const query& q);
  static board_view view_after(const state& x, const command& c);
  static std::size_t footprint_of(const command& c);
  static bool can_create(const command& c, const replica_id&) { return !c.put.empty(); }
  static bool can_grow(const command& c) { return !c.put.empty(); }

  /// What is new to a replica cannot be told from what it knew and is over; so nothing shows.
  static bool shows_lost_events(const state&, const state&, const replica_id&) { return false; }

  static std::vector<payload> members_of(const command& c);
  static std::size_t events_of(const command& c) { return c.put.size(); }
  static void tell_cardinality(board_view& seen, std::uint64_t n) { seen.cardinality = n; }
};

} // namespace starling::crdt
