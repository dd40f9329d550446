#include "replication/key_trees.hpp"

namespace starling::replication {

joint_tree key_trees::of(const type_set& types) const {
  joint_tree result;
  for (std::size_t i = 0; i < trees_.size(); ++i)
    if (types.contains(crdt::types::ids[i]))
      result.add(trees_[i]);
  return result;
}

} // namespace starling::replication
