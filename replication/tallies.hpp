#pragma once

// How far each node got with numbering events, as others know it.
//
// A node counts the changes of its own that it commits, all keys together, and what it has counted
// goes along with whatever it sends. Others remember the highest count that they heard of a replica
// id, pass that on with what they send, and commit it no later than the events that came with it:
// whoever has an event of a replica knows a count that includes it. So anybody who has something of
// a node can tell it, when it comes back, that its disk is older than what it has told.
//
// What is known of one replica only grows, and two who tell each other know the same: a
// join-semilattice, like all that is gossiped.

#include "crdt/replica_id.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace starling::replication {

/// Under that id a node had committed so many changes of its own, those under earlier ids included.
struct tally {
  crdt::replica_id replica;
  std::uint64_t changes = 0;
  friend bool operator==(const tally&, const tally&) = default;
};

/// What one takes in a message, at most.
inline constexpr std::size_t tally_bytes_max = 16 + 10;

class tallies {
public:
  /// Of so many replicas at most; those that were raised least recently are forgotten first.
  static constexpr std::size_t most = 4096;

  /// Whether that is more than was known.
  bool raise(const tally& t);

  /// 0 if nothing is known.
  std::uint64_t of(const crdt::replica_id& replica) const;

  /// Whether something may be forgotten.
  bool is_full() const { return known_.size() >= most; }

  /// Grows with each raise.
  std::uint64_t version() const { return version_; }

  /// Those that were raised after a version, in the order of their last raise.
  std::vector<tally> since(std::uint64_t version) const;

  /// Those that were forgotten since this was last asked.
  std::vector<crdt::replica_id> take_forgotten();

private:
  struct known {
    std::uint64_t changes = 0;
    std::uint64_t version = 0; // when it was raised
  };

  std::map<crdt::replica_id, known> known_;
  std::map<std::uint64_t, crdt::replica_id> by_version_;
  std::uint64_t version_ = 0;
  std::vector<crdt::replica_id> forgotten_;
};

} // namespace starling::replication
