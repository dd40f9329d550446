#pragma once

// How many files and sockets this process may have open, and how they are shared out.
//
// Clients and strangers can open as many connections as they like. So the connections of both ports
// are capped, and enough is left for the disk, for messages to peers, and for all the rest.

#include "config/options.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace starling::node {

/// Raises the soft limit of open files towards the hard one, and returns what it is then.
std::size_t raise_descriptor_limit();

/// Lowers `http.max-connections` and `cluster.max-connections` to what fits below the limit. The
/// warning to log if that is less than was configured.
std::optional<std::string> fit_connections(config::options& o, std::size_t limit);

} // namespace starling::node
