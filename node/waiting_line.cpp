#include "node/waiting_line.hpp"

#include <cassert>

namespace starling::node {

bool waiting_line::enter(const crdt::key& key, std::size_t bytes) {
  assert(bytes > 0);
  auto& waiting = bytes_[key];
  if (waiting > 0 && waiting + bytes > bytes_max_)
    return false;
  waiting += bytes;
  return true;
}

void waiting_line::leave(const crdt::key& key, std::size_t bytes) {
  const auto found = bytes_.find(key);
  assert(found != bytes_.end() && found->second >= bytes);
  found->second -= bytes;
  if (found->second == 0)
    bytes_.erase(found);
}

} // namespace starling::node
