#pragma once

// Digests of keys and values: 128 bits each, which can be added and taken away.
//
// A digest stands for one fact: a key and its value, or a key and one of its rows. The digest of
// many facts is the sum of theirs modulo 2^128, so that it does not depend on their order and a
// change costs what changed (an additive multiset hash; Clarke et al., Incremental Multiset Hash
// Functions). Every fact names its key: a row that moves from one key to another changes the sum.
// Equal states have equal digests on every node that shares the secret, whatever their histories;
// states that differ have equal ones by accident only, once in 2^128. The hash is keyed
// (wire/keyed_hash.hpp), so no client can arrange for it.
//
// The digest of a value with rows (crdt/rows.hpp) is the sum of the digests of its rows (a member
// and what the row says) and of the rows of `seen` (a replica and its events). That of any other
// value is the digest of its canonical encoding. A value at its bottom has the digest zero.

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

/// The rows of a value that an operation may change: of some members, and of some replicas in
/// `seen`. Both are in ascending order, and nothing is there twice.
struct touched_rows {
  std::vector<crdt::payload> members;
  std::vector<crdt::replica_id> replicas;
};

/// The rows of a value that joining `delta` may change. Requires: same type, with rows.
touched_rows rows_changed_by(const crdt::value& whole, const crdt::value& delta);

/// The rows that a command of `self` which names these members may change. Requires: the value has
/// rows; the members are in ascending order.
touched_rows rows_changed_by(const crdt::value& whole, const crdt::replica_id& self,
                             std::vector<crdt::payload> members);

class digester {
public:
  /// `key`: a secret that all nodes of the cluster share. `seed`: what positions of keys come from;
  /// all nodes have the same, and it outlives the secret.
  explicit digester(const wire::tag& key, const wire::tag& seed = {})
      : hash_(key), position_hash_(seed) {}

  digest digest_of(const crdt::key& key, const crdt::value& value) const;

  /// The sum of some rows of a value; zero for those that it does not have. A value whose digest
  /// was d before an operation has d - (its rows before) + (its rows after), for all rows that the
  /// operation changed. Requires: it has rows.
  digest digest_of(const crdt::key& key, const crdt::value& value, const touched_rows& rows) const;

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

/// Digests of the rows of one value, one after the other.
class row_digester {
public:
  /// Requires: `digests` outlives this.
  row_digester(const digester& digests, const crdt::key& key);

  /// Of a member's row; zero for one without entries.
  template <crdt::has_member_rows State>
  digest of_row(const crdt::payload& member, const typename State::row& row) {
    if (row.empty())
      return {};
    auto& out = begin(member);
    State::encode_row(out, row);
    return digests_.hash(out.view());
  }

  /// Of a replica's row of `seen`; zero without events.
  digest of_seen(const crdt::replica_id& replica, const crdt::interval_set& events);

  /// Of all that was seen.
  digest of_seen(const crdt::causal_context& seen);

private:
  wire::writer& begin(const crdt::payload& member);

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
