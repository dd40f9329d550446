#pragma once

// How slow a transfer may be: a request's body on its way in, or a reply on its way out.
//
// A transfer is over the limit when nothing has moved for some time, or when it moves more slowly
// than a least rate on average. So the time of a whole transfer is bounded by its size, and a
// client behind a slow line is not cut off while it makes progress.

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace starling::http {

class transfer_rate {
public:
  using clock = std::chrono::steady_clock;

  /// Bytes a second, on average, that a transfer has to reach.
  static constexpr std::size_t least_rate = 1024;

  transfer_rate() = default;

  /// `patience`: the longest time without progress.
  transfer_rate(clock::time_point now, std::chrono::milliseconds patience)
      : begun_(now), moved_(now), patience_(patience) {}

  void move(clock::time_point now, std::size_t bytes) {
    if (bytes == 0)
      return;
    moved_ = now;
    bytes_ += bytes;
  }

  /// When the transfer is over the limit, unless more moves before.
  clock::time_point deadline() const {
    const auto whole = std::chrono::milliseconds{bytes_ * 1000 / least_rate};
    return std::min(moved_ + patience_, begun_ + patience_ + whole);
  }

private:
  clock::time_point begun_;
  clock::time_point moved_;
  std::chrono::milliseconds patience_{0};
  std::size_t bytes_ = 0;
};

} // namespace starling::http
