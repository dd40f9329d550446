#pragma once

// SWIM and Lifeguard as published, as a model: what the core is compared with.
//
// It follows the paper (Dadgar, Phillips, Currey, Lifeguard, arXiv 1707.00788) and, where that is
// silent, the behaviour of the agents that it measured: each member has a prober, a gossiper and a
// listener that block one by one, and timers that do not. In an anomaly a member blocks just before
// it sends and just after it received. At its end what was blocked goes through, even if the next
// anomaly begins at once; a prober that missed its deadline suspects its target then, and begins
// the next probe with the tick that waited. Left out: the exchange of whole tables, each 90 s with
// 128 members. Messages are values, not bytes, so that a run of two minutes with 128 members takes
// a fraction of a second.

#include <chrono>
#include <cstdint>
#include <vector>

namespace starling::bench {

using duration = std::chrono::microseconds;

struct lifeguard_settings {
  std::size_t members = 128;
  unsigned alpha = 5;                // suspicion multiplier
  unsigned beta = 1;                 // the longest suspicion, in shortest ones
  bool health_scales_probes = false; // LHA-Probe
  bool suspicion_shrinks = false;    // LHA-Suspicion
  bool buddy = false;
};

/// Members that are anomalous in lock-step: for `block`, then normal for `rest`, again and again;
/// once if `rest` is zero.
struct anomaly {
  std::size_t members = 1;
  duration block{0};
  duration rest{0};
};

struct lifeguard_result {
  std::uint64_t false_positives = 0;            // failures of members without anomaly, at anyone
  std::uint64_t false_positives_at_healthy = 0; // of those, at members without anomaly
  std::uint64_t messages = 0;
  /// From the anomaly's start until a healthy member first held each anomalous one failed.
  std::vector<duration> first_detections;
};

/// A group that is quiet for 15 s, then anomalous for at least `length`. Equal seeds, equal
/// results.
lifeguard_result run_lifeguard(const lifeguard_settings& s, const anomaly& a, duration length,
                               std::uint64_t seed);

} // namespace starling::bench
