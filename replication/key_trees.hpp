#pragma once

// The digests of all keys of a node: one hash tree for each type of values, so that two nodes can
// compare the types that both read.

#include "crdt/value.hpp"
#include "replication/joint_tree.hpp"
#include "replication/type_set.hpp"

#include <array>

namespace starling::replication {

class key_trees {
public:
  /// The tree of a type. Requires: this version knows it.
  hash_tree& of(crdt::type t) { return trees_[*crdt::types::place_of(t)]; }
  const hash_tree& of(crdt::type t) const { return trees_[*crdt::types::place_of(t)]; }

  /// Those of some types, as far as this version knows them.
  joint_tree of(const type_set& types) const;
  joint_tree all() const { return of(type_set::known()); }

  /// Whether there is no key of any other type.
  bool are_within(const type_set& types) const { return of(types).size() == all().size(); }

private:
  std::array<hash_tree, crdt::types::ids.size()> trees_;
};

} // namespace starling::replication
