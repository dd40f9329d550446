#pragma once

// Several hash trees, read as if they were one: sums can be added. What two nodes compare that do
// not read the same types of values is the joint tree of those that both read.

#include "replication/hash_tree.hpp"

#include <functional>
#include <string_view>
#include <vector>

namespace starling::replication {

/// Refers to the trees; no name is in two of them.
class joint_tree {
public:
  joint_tree() = default;
  joint_tree(const hash_tree& one) : trees_{&one} {} // NOLINT: as good as the tree

  void add(const hash_tree& more) { trees_.push_back(&more); }

  digest root() const;
  std::size_t size() const;
  digest find(std::uint64_t position, std::string_view name) const;
  hash_tree::summary of(const range& r) const;

  /// Shows the entries in a range, one tree after the other.
  void visit(const range& r, const std::function<void(const hash_tree::entry&)>& see) const;

private:
  std::vector<const hash_tree*> trees_;
};

} // namespace starling::replication
