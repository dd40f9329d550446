#pragma once

// An observed-remove set: adds win over concurrent removes, and a removed member leaves nothing
// behind.
//
// Each member has a row of entries, a Dotted Version Vector Set (Almeida et al., Scalable and
// Accurate Causality Tracking for Eventually Consistent Stores) whose values are marks of presence.
// Since a newer add of a replica always covers its own older one, a row comes down to one entry per
// replica: the newest event of that replica known for the member, and whether it still holds the
// member in the set. The rows share one causal context, `seen`, for the whole set (Almeida,
// Shoker, Baquero, Delta State Replicated Data Types, 7): an event that `seen` knows and no row
// holds is over, so an entry that is not live is dropped as soon as `seen` covers it. That is the
// whole garbage collection.
//
// A delta is an or_set too. Its `seen` claims exactly the events that it brings, and never a prefix
// that it does not carry: what a set knows and does not hold, it removes. Always: live events are
// in `seen`; an entry that is not live lies beyond the prefix; no row is empty. So equal sets are
// equal byte for byte.

#include "crdt/causal_context.hpp"
#include "crdt/few.hpp"
#include "crdt/payload.hpp"
#include "crdt/rows.hpp"

#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace starling::crdt {

/// A member to add or to remove, and what the client had observed of it.
struct member_change {
  payload member;
  std::optional<version_vector> observed;
};

class or_set {
public:
  /// The newest event of a replica that is known for a member.
  using entry = crdt::entry;

  /// At most one entry for each replica, in ascending order.
  using row = few<entry>;
  using row_map = std::map<payload, row>;

  or_set() = default;

  /// A set that has seen these events and holds these rows. Requires: what always holds of a set.
  or_set(causal_context seen, row_map rows);

  or_set(const or_set& other);
  or_set(or_set&&) noexcept = default;
  or_set& operator=(const or_set& other);
  or_set& operator=(or_set&&) noexcept = default;

  bool contains(const payload& member) const;

  /// Whether a member with this row is in the set.
  static bool is_live(const row& c);

  /// The members, in ascending order.
  std::vector<payload> members() const;

  /// How many they are; costs nothing to ask.
  std::size_t cardinality() const { return cardinality_; }

  /// The first `limit` members of one kind, in ascending order, of those after `after` if it is
  /// given. Costs what it returns and what it steps over: removed members that are still held
  /// because `seen` has a gap.
  std::vector<payload> members_after(payload_kind kind, const std::optional<std::string>& after,
                                     std::size_t limit) const;

  /// What a reader of this member has observed, to be handed to a later add or remove of the same
  /// member.
  version_vector context(const payload& member) const;

  /// Some members, each with its context. Costs least if they are in ascending order.
  std::vector<std::pair<payload, version_vector>> contexts(std::vector<payload> members) const;

  /// Adds members, then removes members, as `add` and `remove` do one by one; returns the delta of
  /// it all, or nothing if nothing changed. Without a context a remove ends what is observed here
  /// by then. Costs least if each list is in ascending order. Requires: no member is in both lists
  /// or twice in one, and `self` has event numbers left for those that are added.
  std::optional<or_set> change(const replica_id& self, const std::vector<member_change>& added,
                               const std::vector<member_change>& removed);

  /// Adds a member as the next event of `self`; returns the delta. Replaces the adds that
  /// `observed` covers; without it, only this replica's own older one.
  std::optional<or_set> add(const replica_id& self, const payload& member,
                            const version_vector& observed = {});

  /// Removes the adds that `observed` covers; a concurrent add survives. Returns the delta, or
  /// nothing if it changed nothing. `self` bounds what is believed of its own events.
  std::optional<or_set> remove(const replica_id& self, const payload& member,
                               const version_vector& observed);

  /// Takes in the other's events and removals; returns the part that was new, or nothing. Wherever
  /// this state is known as it was before, joining that part does what joining the whole does.
  std::optional<or_set> join(const or_set& other);

  /// What this set knows of some members: joining it does to them what joining this set would, and
  /// nothing to the others. It claims no event that it does not carry.
  or_set part(const std::vector<payload>& members) const;

  /// The members whose rows may change when these events become known without a word about their
  /// members, in ascending order: they end a live event, or close the gap before one that is dead.
  std::vector<payload> touched_by(const causal_context& events) const;

  /// Puts in rows that were left out when this set was made; members that have a row here keep
  /// theirs. Requires: what always holds of a set.
  void put(row_map left_out);

  bool empty() const { return seen_.empty() && rows_.empty(); }

  /// About how many bytes the encoding takes; costs nothing to ask.
  std::size_t footprint() const { return footprint_; }

  const causal_context& seen() const { return seen_; }
  const row_map& rows() const { return rows_; }

  /// The entries of all rows.
  std::size_t elements() const;

  /// The same of an encoded set. Requires: the result of `encode`.
  static std::size_t elements_of(wire::reader& in);

  void encode(wire::writer& out) const;

  static or_set decode(wire::reader& in);

  // -- what crdt/rows.hpp asks of a value with rows --

  static std::span<const entry> entries_of(const row& r) { return {r.begin(), r.end()}; }
  static bool fits(const row& r, const causal_context& seen);
  static void encode_row(wire::writer& out, const row& r);
  static std::optional<row> decode_row(std::string_view bytes);
  static std::size_t footprint_of(const payload& member, const row& r);
  static std::size_t bytes_of(const row&, const entry&) { return entry_bytes; }
  static void encode_part(wire::writer& out, const causal_context& seen,
                          const std::vector<held_entry<row>>& held);

  friend bool operator==(const or_set& a, const or_set& b) {
    return a.seen_ == b.seen_ && a.rows_ == b.rows_;
  }

private:
  static constexpr std::size_t entry_bytes = 12; // at most, but for its replica's id

  using position = row_map::iterator;

  static row::const_iterator find(const row& c, const replica_id& replica);
  const entry* newest(position at, const payload& member, const replica_id& replica) const;
  bool holds(const payload& member, const dot& event) const;
  void set(position& near, const payload& member, const entry& e);
  void set_here(position& near, const payload& member, const entry& e);
  void set(position at, const entry& e);
  void end(position& near, const payload& member, const entry& dead, or_set& news, position& noted);
  void index(position at, const entry& e);
  void unindex(position at, const entry& e);
  position drop(position at, const entry& e);
  position erase(position at, const replica_id& replica);
  void drop_covered();
  void find_dead();
  void find_live();

  causal_context seen_;
  row_map rows_;
  std::size_t footprint_ = 0;
  std::size_t cardinality_ = 0;

  // Where each event stands, so that a delta costs what it carries and not what the set holds. The
  // live ones are looked for when a delta is first joined: a set that is itself a delta, or that
  // only this replica changes, never needs them.
  std::map<replica_id, std::map<event_number, position>> live_;
  std::map<replica_id, std::multimap<event_number, position>> dead_;
  bool knows_live_ = false;
};

} // namespace starling::crdt
