#include "membership/round_trip.hpp"

#include <algorithm>

namespace starling::membership {

void round_trip::sample(duration took) {
  if (!average_) {
    average_ = took;
    variation_ = took / 2;
    return;
  }
  const auto error = took > *average_ ? took - *average_ : *average_ - took;
  variation_ += (error - variation_) / 4;
  *average_ += (took - *average_) / 8;
}

std::optional<duration> round_trip::timeout(duration least, duration most) const {
  if (!average_)
    return std::nullopt;
  return std::clamp(*average_ + 4 * variation_, least, most);
}

} // namespace starling::membership
