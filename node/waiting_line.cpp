#include "node/waiting_line.hpp"

#include "actors/key_table.hpp"

#include <cassert>
#include <utility>

namespace starling::node {

std::optional<waiting_line::place> waiting_line::enter(const crdt::key& key, std::size_t bytes) {
  assert(bytes > 0);
  if (keys_.size() < 2 * (size_ + 1))
    grow();
  const auto hash = actors::key_hash{}(key);
  auto& waiting = keys_[find(hash)];
  if (waiting.bytes > 0 && waiting.bytes + bytes > bytes_max_)
    return std::nullopt;
  if (waiting.bytes == 0)
    ++size_;
  waiting.key = hash;
  waiting.bytes += bytes;
  return place{hash, bytes};
}

void waiting_line::leave(const place& p) {
  const auto at = find(p.key);
  assert(!keys_.empty() && keys_[at].bytes >= p.bytes);
  keys_[at].bytes -= p.bytes;
  if (keys_[at].bytes == 0)
    close_up(at);
}

std::size_t waiting_line::find(std::uint64_t hash) const {
  auto at = home(hash);
  while (keys_[at].bytes > 0 && keys_[at].key != hash)
    at = next(at);
  return at;
}

/// Those behind a hole move up, if the hole is on their way from home.
void waiting_line::close_up(std::size_t hole) {
  const auto distance = [this](std::size_t from, std::size_t to) {
    return (to - from) & (keys_.size() - 1);
  };
  for (auto at = next(hole); keys_[at].bytes > 0; at = next(at))
    if (distance(home(keys_[at].key), at) >= distance(hole, at)) {
      keys_[hole] = keys_[at];
      hole = at;
    }
  keys_[hole].bytes = 0;
  --size_;
}

void waiting_line::grow() {
  const auto before =
      std::exchange(keys_, std::vector<place>(keys_.empty() ? keys_min : 2 * keys_.size()));
  for (const auto& one : before)
    if (one.bytes > 0)
      keys_[find(one.key)] = one;
}

} // namespace starling::node
