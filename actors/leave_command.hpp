#pragma once

// `starlingd leave`: tells the running node of a configuration to leave its cluster and end.
//
// Over the node's cluster listener, authenticated as all messages between nodes. It asks who is
// there first and orders that one, once: an order that is repeated later means nothing.

#include "actors/options.hpp"
#include "actors/types.hpp"

#include <cstdio>
#include <string>
#include <string_view>

namespace starling::actors {

/// Does it, and says on `out` what happened. The exit status: 0 once the node has left and ended.
/// Requires: options as `parse` returns them.
int leave_cluster(const options& o, std::FILE* out);

/// Whether a node that was given an order took it, by what its membership actor answered.
bool was_taken(std::string_view answer);

/// The answer to an order that was taken.
std::string answer_with(const leave_report& report);

std::string encode(const leave_report& report);
wire::decoded<leave_report> decode_leave_report(std::string_view bytes);

} // namespace starling::actors
