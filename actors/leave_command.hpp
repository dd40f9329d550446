#pragma once

// `starlingd leave`: tells the running node of a configuration to leave its cluster and end.
//
// See operator_line.hpp.

#include "actors/options.hpp"
#include "actors/types.hpp"

#include <cstdio>
#include <string>
#include <string_view>

namespace starling::actors {

/// Does it, and says on `out` what happened. The exit status: 0 once the node has left and ended.
/// Requires: options as `parse` returns them.
int leave_cluster(const options& o, std::FILE* out);

/// The answer to an order that was taken.
std::string answer_with(const leave_report& report);

std::string encode(const leave_report& report);
wire::decoded<leave_report> decode_leave_report(std::string_view bytes);

} // namespace starling::actors
