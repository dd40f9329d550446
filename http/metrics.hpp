#pragma once

// What Prometheus sees. The series live in the actor system's registry, next to CAF's own.

#include "node/node_report.hpp"

#include <caf/actor_system.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace starling::http {

/// Counts one answered request. `route` is the template, never a key: series must not grow with the
/// keys.
void count_request(caf::actor_system& sys, std::string_view route, int status);

/// Adds to the histogram of a route how long a request took.
void time_request(caf::actor_system& sys, std::string_view route, double seconds);

/// All series in Prometheus' text format, with the gauges set from the report.
std::string metrics_text(caf::actor_system& sys, const node::node_report& report);

} // namespace starling::http
