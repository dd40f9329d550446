#include "wire/replay_guard.hpp"

#include <algorithm>

namespace starling::wire {

bool replay_guard::admit(const session_id& from, std::uint64_t counter) {
  auto found = windows_.find(from);
  if (found == windows_.end()) {
    if (windows_.size() >= most_sessions_) {
      windows_.erase(
          std::ranges::min_element(windows_, {}, [](const auto& one) { return one.second.used; }));
      ++forgotten_;
    }
    found = windows_.try_emplace(from).first;
    found->second.newest = counter;
  }
  auto& w = found->second;
  w.used = ++uses_;
  if (counter > w.newest) {
    const auto ahead = counter - w.newest;
    w.seen = ahead < width ? w.seen << static_cast<std::size_t>(ahead) : std::bitset<width>{};
    w.newest = counter;
  }
  const auto behind = w.newest - counter;
  if (behind >= width || w.seen[static_cast<std::size_t>(behind)])
    return false;
  w.seen.set(static_cast<std::size_t>(behind));
  return true;
}

} // namespace starling::wire
