#include "membership/silence.hpp"

#include <algorithm>
#include <utility>

namespace starling::membership {

bool silence::heard(duration now) {
  last_heard_ = now;
  probe_failed_since_ = false;
  return std::exchange(is_cut_off_, false);
}

bool silence::begins(duration now) {
  if (is_cut_off_ || !probe_failed_since_ || now - last_heard_ <= limit_)
    return false;
  is_cut_off_ = true;
  return true;
}

std::optional<duration> silence::next_due() const {
  if (is_cut_off_ || !probe_failed_since_)
    return std::nullopt;
  return last_heard_ + limit_ + duration{1};
}

void silence::absorb(const stall& s, duration now) {
  last_heard_ = std::min(now, last_heard_ + s.late);
}

} // namespace starling::membership
