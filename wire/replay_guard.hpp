#pragma once

// Lets each packet or call of a session pass once: a sliding window over the numbers that the
// session gives them (RFC 4303, 3.4.3).

#include "wire/session_id.hpp"

#include <bitset>
#include <cstddef>
#include <map>

namespace starling::wire {

class replay_guard {
public:
  /// A number that is lower than the highest one by this much is refused.
  static constexpr std::size_t width = 1024;

  /// Requires: most_sessions > 0. Beyond that many sessions the one that was silent longest is
  /// forgotten.
  explicit replay_guard(std::size_t most_sessions) : most_sessions_(most_sessions) {}

  /// Whether that number of that session comes for the first time. From now on it does not.
  bool admit(const session_id& from, std::uint64_t counter);

  std::size_t sessions() const { return windows_.size(); }

  /// How many sessions were forgotten. Their numbers would be admitted again.
  std::uint64_t forgotten() const { return forgotten_; }

private:
  struct window {
    std::uint64_t newest = 0;
    std::bitset<width> seen; // bit i: whether newest - i was seen
    std::uint64_t used = 0;
  };

  std::size_t most_sessions_;
  std::map<session_id, window> windows_;
  std::uint64_t uses_ = 0;
  std::uint64_t forgotten_ = 0;
};

} // namespace starling::wire
