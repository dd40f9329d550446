#pragma once

// Digests of keys and values: 128 bits each, which can be added and taken away.
//
// A digest stands for one fact: a key and its value, or a key and one row of its set. The digest of
// many facts is the sum of theirs modulo 2^128, so that it does not depend on their order and a
// change costs what changed (an additive multiset hash; Clarke et al., Incremental Multiset Hash
// Functions). Every fact names its key: a row that moves from one set to another changes the sum.
// Equal states have equal digests on every node that shares the secret, whatever their histories;
// states that differ have equal ones by accident only, once in 2^128. The hash is keyed
// (wire/keyed_hash.hpp), so no client can arrange for it.
//
// A counter's or register's digest is that of its canonical encoding. A set's is the sum of the
// digests of its members' rows (a member and its clock) and of the rows of `seen` (a replica and
// its events). A value at its bottom has the digest zero.

#include "crdt/value.hpp"
#include "wire/keyed_hash.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace starling::replication {

/// A number modulo 2^128.
struct digest {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  digest& operator+=(const digest& other);
  digest& operator-=(const digest& other);
  friend digest operator+(digest a, const digest& b) { return a += b; }
  friend digest operator-(digest a, const digest& b) { return a -= b; }
  friend bool operator==(const digest&, const digest&) = default;
};

/// 32 hexadecimal digits.
std::string to_string(const digest& d);

/// The rows of a set that an operation may change: of some members, and of some replicas in `seen`.
/// Both are in ascending order, and nothing is there twice.
struct touched_rows {
  std::vector<crdt::payload> members;
  std::vector<crdt::replica_id> replicas;
};

/// The rows that joining `delta` into `set` may change.
touched_rows rows_changed_by(const crdt::or_set& set, const crdt::or_set& delta);

/// The rows that a request of `self` to add or remove these members may change. Requires: the
/// members are in ascending order.
touched_rows rows_changed_by(const crdt::or_set& set, const crdt::replica_id& self,
                             std::vector<crdt::payload> members);

class digester {
public:
  /// `key`: a secret that all nodes of the cluster share. `seed`: what positions of keys come from;
  /// all nodes have the same, and it outlives the secret.
  explicit digester(const wire::tag& key, const wire::tag& seed = {})
      : hash_(key), position_hash_(seed) {}

  digest digest_of(const crdt::key& key, const crdt::value& value) const;

  /// The sum of some rows of a set; zero for those that it does not have. A set whose digest was d
  /// before an operation has d - (its rows before) + (its rows after), for all rows that the
  /// operation changed.
  digest digest_of(const crdt::key& key, const crdt::or_set& set, const touched_rows& rows) const;

  /// Of one member's row; zero for a clock without entries.
  digest row(const crdt::key& key, const crdt::payload& member,
             const crdt::or_set::clock& clock) const;

  /// Of one replica's row of `seen`; zero without events.
  digest row(const crdt::key& key, const crdt::replica_id& replica,
             const crdt::interval_set& events) const;

  /// Where a key stands in the hash tree of all keys (replication/hash_tree.hpp): first its slot,
  /// so that a partition is a range, then a hash of its name in the tree. Positions are no secret:
  /// who knows the seed can make names that lie close together, which makes the tree deeper there
  /// and no digest wrong.
  std::uint64_t position_of(const crdt::key& key) const;

  /// Where a member of a value stands in a tree of its own, for one comparison.
  std::uint64_t position_of_member(std::string_view name) const;

  /// Says which secret this is, and nothing about it.
  std::uint64_t fingerprint() const;

private:
  friend class row_digester;
  digest hash(std::string_view bytes) const;

  wire::keyed_hash hash_;
  wire::keyed_hash position_hash_;
};

/// Digests of many rows of one set, each as `digester::row` gives it, for less.
class row_digester {
public:
  /// Requires: `digests` outlives this.
  row_digester(const digester& digests, const crdt::key& key);

  digest operator()(const crdt::payload& member, const crdt::or_set::clock& clock);
  digest operator()(const crdt::replica_id& replica, const crdt::interval_set& events);

private:
  const digester& digests_;
  wire::writer member_row_; // what the text of each begins with, and the latest row behind it
  wire::writer seen_row_;   // the same of rows of `seen`
  std::size_t begin_ = 0;   // where the rows begin in both
};

/// A key's name in the hash tree: its canonical encoding.
std::string name_of(const crdt::key& key);

/// The key of such a name. Requires: the result of `name_of`.
crdt::key key_of(std::string_view name);

} // namespace starling::replication
