#pragma once

// Virtual time and seeded chance: what is to happen when, and nothing else. Events of one moment
// happen in the order in which they were scheduled, so a run depends on nothing but its seed.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <iterator>
#include <utility>
#include <vector>

namespace starling::simulation {

using duration = std::chrono::microseconds;

/// Scrambles 64 bits (the finalizer of SplitMix64).
constexpr std::uint64_t scramble(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/// A source of randomness (SplitMix64): equal with every compiler. Draw into one variable at a
/// time, for the order in which arguments are evaluated is not.
class dice {
public:
  explicit dice(std::uint64_t seed) : state_(seed) {}

  /// One of many independent sources of one seed.
  dice(std::uint64_t seed, std::uint64_t stream)
      : state_(scramble(seed + 0x9e3779b97f4a7c15 * (stream + 1))) {}

  std::uint64_t bits() {
    state_ += 0x9e3779b97f4a7c15;
    return scramble(state_);
  }

  /// A number in [0, n). Requires: n > 0.
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(bits() % n); }

  /// A number in [0, 1).
  double unit() { return static_cast<double>(bits() >> 11) * 0x1p-53; }

  bool chance(double probability) { return unit() < probability; }

  /// A time in [from, to].
  duration between(duration from, duration to) {
    return from + duration{below(static_cast<std::size_t>((to - from).count()) + 1)};
  }

  double between(double from, double to) { return from + (to - from) * unit(); }

  template <class Range>
  const auto& one_of(const Range& range) {
    return *std::next(std::begin(range), static_cast<std::ptrdiff_t>(below(std::size(range))));
  }

  template <class T>
  void shuffle(std::vector<T>& items) {
    for (auto left = items.size(); left > 1; --left)
      std::swap(items[left - 1], items[below(left)]);
  }

private:
  std::uint64_t state_;
};

class timeline {
public:
  duration now() const { return now_; }
  std::uint64_t steps() const { return steps_; }
  bool is_over() const { return events_.empty(); }

  void at(duration when, std::function<void()> what) {
    events_.push_back({std::max(when, now_), ++scheduled_, std::move(what)});
    std::push_heap(events_.begin(), events_.end(), is_later);
  }

  void after(duration delay, std::function<void()> what) { at(now_ + delay, std::move(what)); }

  /// Lets the next event happen. Requires: one is pending.
  void step() {
    std::pop_heap(events_.begin(), events_.end(), is_later);
    const auto next = std::move(events_.back());
    events_.pop_back();
    now_ = next.when;
    ++steps_;
    next.what();
  }

private:
  struct event {
    duration when;
    std::uint64_t number;
    std::function<void()> what;
  };

  static bool is_later(const event& a, const event& b) {
    return std::pair{a.when, a.number} > std::pair{b.when, b.number};
  }

  duration now_{0};
  std::uint64_t scheduled_ = 0;
  std::uint64_t steps_ = 0;
  std::vector<event> events_; // a heap
};

} // namespace starling::simulation
