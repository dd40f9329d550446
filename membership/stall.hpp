#pragma once

// Finds that this process did not run for a while: it was stopped, swapped out, or its machine
// slept.
//
// The process says when it wants to run next. If it runs much later than that, everything that was
// timed meanwhile is late for this reason alone, and nobody else is to blame for it. So each
// machine with deadlines moves those that ran during the stall by its length.

#include "membership/member.hpp"

#include <optional>

namespace starling::membership {

/// A time in which this process did not run.
struct stall {
  duration due{0};  // when the process wanted to run
  duration late{0}; // how much later it ran

  /// Whether something that began at `started` waited during the stall. What began with the packets
  /// that the driver handed over after the stall did not.
  bool concerns(duration started) const { return started <= due; }
};

class stall_watch {
public:
  /// A tick that is late by more than `tolerance` ends a stall.
  explicit stall_watch(duration tolerance) : tolerance_(tolerance) {}

  /// The next tick is to come at `when`. A tick that is overdue already stays the one to wait for:
  /// a stall is found by the tick that is late, and not hidden by the packets that the driver hands
  /// over before that tick.
  void expect(duration now, duration when);

  bool is_overdue(duration now) const { return expected_ && now - *expected_ > tolerance_; }

  /// A tick comes; the stall that ends with it, if there was one.
  std::optional<stall> end(duration now);

private:
  duration tolerance_;
  std::optional<duration> expected_;
};

} // namespace starling::membership
