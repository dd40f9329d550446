#include "membership/stall.hpp"

#include <algorithm>
#include <utility>

namespace starling::membership {

void stall_watch::expect(duration now, duration when) {
  if (!is_overdue(now))
    expected_ = std::max(now, when);
}

std::optional<stall> stall_watch::end(duration now) {
  if (!is_overdue(now))
    return std::nullopt;
  const auto due = *std::exchange(expected_, std::nullopt);
  return stall{due, now - due};
}

} // namespace starling::membership
