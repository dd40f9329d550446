#pragma once

// How long a member takes to answer, estimated from its answers so far (RFC 6298).

#include "membership/member.hpp"

#include <optional>

namespace starling::membership {

class round_trip {
public:
  /// An answer took that long.
  void sample(duration took);

  /// The average, in which later answers count more; nothing without an answer.
  std::optional<duration> average() const { return average_; }

  /// How long an answer may take, within two bounds; nothing without an answer.
  std::optional<duration> timeout(duration least, duration most) const;

private:
  std::optional<duration> average_;
  duration variation_{0};
};

} // namespace starling::membership
