#include "node/waiting_line.hpp"

#include <cassert>
#include <functional>
#include <string_view>

namespace starling::node {

std::optional<waiting_line::place> waiting_line::enter(const crdt::key& key, std::size_t bytes) {
  assert(bytes > 0);
  const auto hash =
      std::hash<std::string_view>{}(key.name) * 31 + static_cast<std::uint64_t>(key.type);
  auto& waiting = bytes_[hash];
  if (waiting > 0 && waiting + bytes > bytes_max_)
    return std::nullopt;
  waiting += bytes;
  return place{hash, bytes};
}

void waiting_line::leave(const place& p) {
  const auto found = bytes_.find(p.key);
  assert(found != bytes_.end() && found->second >= p.bytes);
  found->second -= p.bytes;
  if (found->second == 0)
    bytes_.erase(found);
}

} // namespace starling::node
