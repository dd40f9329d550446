#pragma once

// Randomness as a value: equal seeds give equal draws, whatever the compiler and its library.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace starling::membership {

/// SplitMix64 (Steele, Lea, Flood, Fast Splittable Pseudorandom Number Generators, 2014).
class random_source {
public:
  explicit random_source(std::uint64_t seed) : state_(seed) {}

  std::uint64_t bits() {
    state_ += 0x9e3779b97f4a7c15;
    auto x = state_;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
  }

  /// A number in [0, n). Requires: n > 0.
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(bits() % n); }

  /// Whether something of this probability happens.
  bool chance(double probability) {
    return static_cast<double>(bits() >> 11) * 0x1p-53 < probability;
  }

  /// A value in [from, to] of an integral or duration type.
  template <class T>
  T between(T from, T to) {
    if constexpr (requires { from.count(); })
      return T{between(from.count(), to.count())};
    else
      return from + static_cast<T>(bits() % (static_cast<std::uint64_t>(to - from) + 1));
  }

  template <class T>
  void shuffle(std::vector<T>& items) {
    for (auto left = items.size(); left > 1; --left)
      std::swap(items[left - 1], items[below(left)]);
  }

private:
  std::uint64_t state_;
};

} // namespace starling::membership
