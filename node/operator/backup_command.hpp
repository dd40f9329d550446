#pragma once

// `starlingd backup DIR`: tells the running node of a configuration to write a copy of all that it
// has committed into a new folder of its machine, and waits until that is made. See
// operator_line.hpp.
//
//   order:   path    or nothing, which asks how the last one goes
//   answer:  path  state  why

#include "actors/types.hpp"
#include "config/options.hpp"

#include <cstdio>
#include <string>
#include <string_view>

namespace starling::node {

/// Where a node takes the order.
inline constexpr const char* backup_path = "/cluster/backup";

/// Does it, and says on `out` what happened. The exit status: 0 once the backup is made. A relative
/// path is one from the working directory. Requires: options as `parse` returns them.
int order_backup(const config::options& o, const std::string& folder, std::FILE* out);

/// The answer to an order that was admitted.
std::string answer_with(const actors::backup_report& report);

std::string encode(const actors::backup_report& report);
wire::decoded<actors::backup_report> decode_backup_report(std::string_view bytes);

} // namespace starling::node
