#pragma once

// The value of a key as far as it is in memory, together with its digest: all of a small value; of
// a large one with rows (crdt/rows.hpp) what it has seen and the rows that were needed so far.
//
// An operation touches few rows: those of the members that it names, of the members whose events it
// ends, and of those whose dead entries it makes superfluous. With these rows at hand the value can
// be treated as if it were whole, and what changes is written to a batch, row by row. So an
// operation costs the same in a value of ten members and in one of a million, in memory, in time
// and on disk. `lacks` says which rows have to be taken in first.
//
// Nothing here knows of disks: rows that were changed stay in memory until `let_go`, which is for
// when everything in the batches is committed.

#include "crdt/view.hpp"
#include "storage/layout.hpp"

#include <cassert>
#include <optional>
#include <set>
#include <vector>

namespace starling::storage {

/// Rows of a value that an operation needs.
struct wanted_rows {
  std::vector<crdt::payload> members; // in ascending order, none of them twice
  crdt::causal_context live;          // and those of the members that these events hold
  crdt::causal_context dead;          // and of those with a dead entry for one of these events

  bool empty() const { return members.empty() && live.empty() && dead.empty(); }
};

class held_value {
public:
  /// The value of a key that nothing was ever done to.
  explicit held_value(const crdt::key& key);

  /// A value of which this head is kept, and no row is here yet.
  held_value(crdt::key key, head kept);

  /// A value of which this head and these rows are kept, and no others; no rows of a type that has
  /// none.
  held_value(crdt::key key, head kept, crdt::any_rows rows);

  /// A whole value.
  held_value(const crdt::key& key, crdt::value value, const replication::digester& digests);

  const crdt::key& key() const { return key_; }

  /// Whether every row is here. Always so if the type has none.
  bool is_whole() const { return whole_; }

  /// The value, or the part of it that is here.
  const crdt::value& value() const { return value_; }

  /// Of the whole value, and what else is known of it without looking at all rows. Requires: it was
  /// renewed after `apply_undigested`.
  const replication::digest& digest() const {
    assert(!is_digest_due_);
    return digest_;
  }
  std::uint64_t members() const { return members_; }
  std::uint64_t footprint() const;
  bool empty() const { return has_rows() ? digest_ == replication::digest{} : value_.empty(); }

  /// About how many bytes are here.
  std::size_t bytes() const { return value_.footprint() + absent_.size() * absent_bytes; }

  // -- what has to be here first --

  wanted_rows lacks(const crdt::command& c, const crdt::replica_id& self) const;
  wanted_rows lacks(const crdt::value& part) const;

  /// What may be asked of a part is one member; for other queries all rows are needed.
  wanted_rows lacks(const crdt::one_member& query) const;

  /// Takes in rows that were lacking, as they were kept; a member that was asked for and has no row
  /// is in the list of them without one. Requires: the list is in ascending order.
  void add_rows(const std::vector<crdt::payload>& asked, crdt::any_rows rows);

  // -- what clients see --

  // As for crdt::value. Requires: nothing is lacking.

  crdt::view view(const crdt::command& c) const { return complete(crdt::view_of(value_, c)); }
  crdt::view view(const crdt::query& q) const { return complete(crdt::view_of(value_, q)); }

  // -- changes --

  // As for crdt::value; `changed`, if there is one, is given the rows that are now different.
  // Requires: always the same digester, and nothing is lacking.

  crdt::outcome apply(const crdt::command& c, const crdt::replica_id& self,
                      crdt::lww_register::stamp wall, const replication::digester& digests,
                      batch* changed = nullptr);
  std::optional<crdt::value> join(const crdt::value& part, const replication::digester& digests,
                                  batch* changed = nullptr);

  /// As `apply`, but the digest is left to be renewed before somebody asks for it: where nothing is
  /// kept on a disk, many writes need one. Requires: a type without rows.
  crdt::outcome apply_undigested(const crdt::command& c, const crdt::replica_id& self,
                                 crdt::lww_register::stamp wall);
  const replication::digest& renewed_digest(const replication::digester& digests);

  /// Its head row.
  head summary() const;

  /// Every row, as when nothing was kept yet. Requires: whole.
  batch rows() const;

  /// Forgets all rows. Requires: they are kept as they are.
  void let_go();

private:
  static constexpr std::size_t absent_bytes = 64;

  bool has_rows() const { return crdt::has_rows(key_.type); }
  template <class State>
  std::vector<crdt::payload> not_here(const State& state, std::vector<crdt::payload> members) const;
  template <class State>
  wanted_rows lacks(const State& state, std::vector<crdt::payload> members,
                    const crdt::causal_context& events) const;

  crdt::view complete(crdt::view seen) const;

  template <class Operation>
  auto change(const replication::touched_rows& rows, const replication::digester& digests,
              batch* changed, Operation operation);
  template <class State, class Operation>
  auto change_rows(const State& state, const replication::touched_rows& rows,
                   const replication::digester& digests, batch* changed, Operation operation);
  void write_head(batch& into, const replication::digest& digest_before) const;
  template <class State>
  void count(const crdt::payload& member, const typename State::row& before,
             const typename State::row& now);

  crdt::key key_;
  crdt::value value_;
  replication::digest digest_; // zero at the bottom
  bool is_digest_due_ = false;
  bool whole_ = true;
  std::uint64_t members_ = 0;
  std::uint64_t dead_ = 0;
  std::uint64_t elsewhere_ = 0;    // of the footprint: rows that are not here
  std::set<crdt::payload> absent_; // members that have no row, if not whole
};

} // namespace starling::storage
