#pragma once

// `starlingd leave`: tells the running node of a configuration to leave its cluster and end.
//
// See operator_line.hpp.

#include "actors/types.hpp"
#include "config/options.hpp"

#include <cstdio>
#include <string>
#include <string_view>

namespace starling::node {

/// Where a node takes the order.
inline constexpr const char* leave_path = "/cluster/leave";

/// Does it, and says on `out` what happened. The exit status: 0 once the node has left and ended.
/// Requires: options as `parse` returns them.
int leave_cluster(const config::options& o, std::FILE* out);

/// The answer to an order that was admitted.
std::string answer_with(const actors::leave_report& report);

std::string encode(const actors::leave_report& report);
wire::decoded<actors::leave_report> decode_leave_report(std::string_view bytes);

} // namespace starling::node
