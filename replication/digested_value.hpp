#pragma once

// The value of a key together with its digest, which each change brings up to date at the cost of
// what it changes: of a large set only the rows that it touches are hashed.

#include "crdt/command.hpp"
#include "replication/digest.hpp"

#include <optional>

namespace starling::replication {

class digested_value {
public:
  /// The value of a key that nothing was ever done to.
  explicit digested_value(const crdt::key& key) : value_(key.type) {}

  /// A value that was kept somewhere.
  digested_value(const crdt::key& key, crdt::value value, const digester& digests);

  const crdt::value& value() const { return value_; }
  const replication::digest& digest() const { return digest_; }

  // As for crdt::value. Requires: always the same key and digester.

  crdt::outcome apply(const crdt::key& key, const crdt::command& c, const crdt::replica_id& self,
                      crdt::lww_register::stamp wall, const digester& digests);
  std::optional<crdt::value> join(const crdt::key& key, const crdt::value& other,
                                  const digester& digests);

private:
  crdt::value value_;
  replication::digest digest_; // zero at the bottom
};

} // namespace starling::replication
