#pragma once

// Repairing a large set that differs in few members.
//
// A part of a set must not claim what its sender has seen, or the receiver would take everything
// outside the part for removed. Yet what both have seen has to become equal, too. So nobody joins a
// part here. Each side takes a snapshot of its set and walks over the rows of its members
// (replication/repair.hpp). The rows that differ are exchanged, with all that the sender's snapshot
// has seen; together with the rows that were found equal, which the receiver has itself, they make
// up the sender's whole state. That is put together again, checked against its digest, and joined
// as any full state is, into whatever the set has become meanwhile.
//
// So nothing has to be remembered of rows that were settled, and what goes wrong on the way (a lost
// message, another snapshot, an accident of a hash) ends in nothing joined. It costs each side a
// copy of its set while the repair lasts.

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
/// Layout: version u8 (1); the digest, u128, little-endian; the set as in crdt/or_set.cpp.
struct snapshot_rows {
  digest whole;      // of the whole snapshot
  crdt::or_set rows; // of some members, with all that the snapshot has seen
  friend bool operator==(const snapshot_rows&, const snapshot_rows&) = default;
};

std::string encode(const snapshot_rows& r);
wire::decoded<snapshot_rows> decode_snapshot_rows(std::string_view bytes);

class value_snapshot {
public:
  value_snapshot(digester digests, crdt::key key, crdt::or_set state);

  /// The rows of the members, to be walked over. A name stands for a member.
  const hash_tree& rows() const { return rows_; }

  const digest& whole() const { return whole_; }
  const crdt::or_set& state() const { return state_; }

  /// The rows that the other side is to be sent: those that a walk named here, or some of them. At
  /// least one message has to be sent, even without a name.
  snapshot_rows rows_of(const std::vector<std::string>& names) const;

  /// The state of the other side's snapshot, made of all rows that it sent, at least one message,
  /// and of ours, except for those that the walk named here. Nothing if that is not its state.
  std::optional<crdt::or_set> other_side(const std::vector<std::string>& named_here,
                                         const std::vector<snapshot_rows>& received) const;

private:
  digester digests_;
  crdt::key key_;
  crdt::or_set state_;
  hash_tree rows_;
  digest whole_;
};

} // namespace starling::replication
