#pragma once

// Virtual time: what is to happen when, and nothing else. Events of one moment happen in the order
// in which they were scheduled, so a run depends on nothing but its seed.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <utility>

namespace starling::simulation {

using duration = std::chrono::milliseconds;

/// All randomness of a run.
class dice {
public:
  explicit dice(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t bits() { return engine_(); }

  /// A number in [0, n). Requires: n > 0.
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(engine_() % n); }

  bool chance(unsigned percent) { return below(100) < percent; }

  /// A time in [from, to].
  duration between(duration from, duration to) {
    return from + duration{below(static_cast<std::size_t>((to - from).count()) + 1)};
  }

  template <class Range>
  const auto& one_of(const Range& range) {
    return *std::next(range.begin(), static_cast<std::ptrdiff_t>(below(range.size())));
  }

private:
  std::mt19937_64 engine_;
};

class timeline {
public:
  duration now() const { return now_; }
  std::size_t pending() const { return events_.size(); }

  void after(duration delay, std::function<void()> what) {
    events_.emplace(std::pair{now_ + delay, ++scheduled_}, std::move(what));
  }

  /// Lets the next event happen. Requires: one is pending.
  void step() {
    auto next = events_.extract(events_.begin());
    now_ = next.key().first;
    next.mapped()();
  }

private:
  duration now_{0};
  std::uint64_t scheduled_ = 0;
  std::map<std::pair<duration, std::uint64_t>, std::function<void()>> events_;
};

} // namespace starling::simulation
