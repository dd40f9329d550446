#pragma once

// Waiting for what real processes will have done at some time. A probe returns an assertion's
// result, so that a failure tells what was seen last.

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace starling::e2e {

/// Long enough for a loaded machine; a test that passes does not wait for it.
inline constexpr std::chrono::seconds patience{20};

/// Repeats the probe until it succeeds or the time is up; the last result.
template <class Probe>
testing::AssertionResult eventually(Probe probe, std::chrono::milliseconds deadline = patience) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (true) {
    const testing::AssertionResult seen = probe();
    if (seen || std::chrono::steady_clock::now() >= end)
      return seen;
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
}

/// Repeats the probe for that long or until it fails; the last result.
template <class Probe>
testing::AssertionResult always(Probe probe, std::chrono::milliseconds duration) {
  const auto end = std::chrono::steady_clock::now() + duration;
  while (true) {
    const testing::AssertionResult seen = probe();
    if (!seen || std::chrono::steady_clock::now() >= end)
      return seen;
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
}

} // namespace starling::e2e
