#pragma once

// Repairing a large value with rows (crdt/rows.hpp) that differs in few of them.
//
// A part of a value must not claim what its sender has seen, or the receiver would take everything
// outside the part for removed. Yet what both have seen has to become equal, too. So nobody joins a
// part here. Each side takes a snapshot of its value and walks over the rows of its members
// (replication/repair.hpp). The rows that differ are exchanged, with all that the sender's snapshot
// has seen; together with the rows that were found equal, which the receiver has itself, they make
// up the sender's whole state. That is put together again, checked against its digest, and joined
// as any full state is, into whatever the value has become meanwhile.
//
// So nothing has to be remembered of rows that were settled, and what goes wrong on the way (a lost
// message, another snapshot, an accident of a hash) ends in nothing joined. It costs each side a
// copy of its value while the repair lasts.

#include "replication/digest.hpp"
#include "replication/hash_tree.hpp"
#include "wire/bytes.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::replication {

/// Some rows of a snapshot. Not a delta: joining `rows` would remove all other members.
///
/// Layout: version u8 (1); the digest, u128, little-endian; the state as its type encodes it.
struct snapshot_rows {
  digest whole;     // of the whole snapshot
  crdt::value rows; // of some members, with all that the snapshot has seen
  friend bool operator==(const snapshot_rows&, const snapshot_rows&) = default;
};

std::string encode(const snapshot_rows& r);

/// Requires: the type has rows.
wire::decoded<snapshot_rows> decode_snapshot_rows(crdt::type type, std::string_view bytes);

class value_snapshot {
public:
  /// Requires: the state has rows.
  value_snapshot(digester digests, crdt::key key, crdt::value state);

  /// The rows of the members, to be walked over. A name stands for a member.
  const hash_tree& rows() const { return rows_; }

  const digest& whole() const { return whole_; }
  const crdt::value& state() const { return state_; }

  /// The rows that the other side is to be sent: those that a walk named here, or some of them. At
  /// least one message has to be sent, even without a name.
  snapshot_rows rows_of(const std::vector<std::string>& names) const;

  /// The state of the other side's snapshot, made of all rows that it sent, at least one message,
  /// and of ours, except for those that the walk named here. Nothing if that is not its state.
  /// Requires: what was received is of the same type.
  std::optional<crdt::value> other_side(const std::vector<std::string>& named_here,
                                        const std::vector<snapshot_rows>& received) const;

private:
  template <class State>
  std::optional<State> other_side(const State& mine, const std::vector<std::string>& named_here,
                                  const std::vector<snapshot_rows>& received) const;

  digester digests_;
  crdt::key key_;
  crdt::value state_;
  hash_tree rows_;
  digest whole_;
};

} // namespace starling::replication
