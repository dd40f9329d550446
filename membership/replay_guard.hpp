#pragma once

// Lets each packet of a session pass once: a sliding window over its counter (RFC 4303, 3.4.3).

#include "membership/member.hpp"

#include <bitset>
#include <cstddef>
#include <map>

namespace starling::membership {

class replay_guard {
public:
  /// Packets that are this much older than the newest are refused.
  static constexpr std::size_t width = 1024;

  /// Requires: most_sessions > 0. Beyond that many the one that was silent longest is forgotten.
  explicit replay_guard(std::size_t most_sessions) : most_sessions_(most_sessions) {}

  /// Whether this packet is the first with its counter; from now on it is not.
  bool admit(const session_id& from, std::uint64_t counter);

  std::size_t sessions() const { return windows_.size(); }

  /// How many sessions were forgotten; what they said could be taken for new.
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

} // namespace starling::membership
