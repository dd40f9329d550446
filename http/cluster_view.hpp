#pragma once

// What GET /cluster shows of a report.

#include "http/api/reply.hpp"
#include "node/node_report.hpp"

#include <chrono>

namespace starling::http {

/// `replica` is shown where there is no disk that knows a later one.
cluster_view view_of(const node::node_report& report, const crdt::replica_id& replica,
                     std::chrono::sys_seconds started);

} // namespace starling::http
