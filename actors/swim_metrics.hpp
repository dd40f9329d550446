#pragma once

// What Prometheus sees of membership. The core counts; here its totals are carried over.

#include "membership/swim.hpp"

#include <caf/actor_system.hpp>
#include <caf/telemetry/counter.hpp>
#include <caf/telemetry/gauge.hpp>

#include <utility>
#include <vector>

namespace starling::actors {

class swim_metrics {
public:
  explicit swim_metrics(caf::actor_system& sys);

  /// Brings the series up to date. From one thread.
  void show(const membership::swim& core);

private:
  using total = std::uint64_t membership::counters::*;

  std::vector<std::pair<total, caf::telemetry::int_counter*>> counters_;
  caf::telemetry::int_gauge* health_;
  caf::telemetry::int_gauge* isolated_;
  caf::telemetry::int_gauge* refused_by_;
  caf::telemetry::int_gauge* refuses_;
  caf::telemetry::int_gauge* without_udp_;
  caf::telemetry::int_gauge* without_tcp_;
  caf::telemetry::int_gauge* members_unreached_;
  caf::telemetry::int_gauge* members_not_calling_;
  caf::telemetry::int_gauge* unreached_;
  caf::telemetry::int_gauge* address_conflict_;
};

} // namespace starling::actors
