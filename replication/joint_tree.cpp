#include "replication/joint_tree.hpp"

namespace starling::replication {

digest joint_tree::root() const {
  digest result;
  for (const auto* tree : trees_)
    result += tree->root();
  return result;
}

std::size_t joint_tree::size() const {
  std::size_t result = 0;
  for (const auto* tree : trees_)
    result += tree->size();
  return result;
}

digest joint_tree::find(std::uint64_t position, std::string_view name) const {
  for (const auto* tree : trees_)
    if (const auto found = tree->find(position, name); found != digest{})
      return found;
  return {};
}

hash_tree::summary joint_tree::of(const range& r) const {
  hash_tree::summary result;
  for (const auto* tree : trees_) {
    const auto part = tree->of(r);
    result.sum += part.sum;
    result.count += part.count;
  }
  return result;
}

void joint_tree::visit(const range& r,
                       const std::function<void(const hash_tree::entry&)>& see) const {
  for (const auto* tree : trees_)
    tree->visit(r, see);
}

} // namespace starling::replication
