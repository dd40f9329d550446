#include "membership/farewell.hpp"

#include <algorithm>
#include <iterator>

namespace starling::membership {

void farewell::acknowledge(const node_id& peer) {
  for (auto& r : receivers_)
    if (r.peer == peer)
      r.has_acknowledged = true;
}

bool farewell::ends(duration now) {
  if (has_ended_ || (now < end_ && acknowledged() < receivers_.size()))
    return false;
  has_ended_ = true;
  return true;
}

std::vector<farewell::receiver> farewell::due(duration now) {
  std::vector<receiver> result;
  if (has_ended_ || now < next_)
    return result;
  next_ = now + interval_;
  std::ranges::copy_if(receivers_, std::back_inserter(result),
                       [](const receiver& r) { return !r.has_acknowledged; });
  return result;
}

std::size_t farewell::acknowledged() const {
  return static_cast<std::size_t>(
      std::ranges::count(receivers_, true, &receiver::has_acknowledged));
}

std::optional<duration> farewell::next_due() const {
  if (has_ended_)
    return std::nullopt;
  return std::min(next_, end_);
}

} // namespace starling::membership
