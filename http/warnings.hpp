#pragma once

// What a person should know of a node although it serves: of its place in its cluster, and of what
// it waits for after a start.

#include "actors/types.hpp"

#include <string>
#include <vector>

namespace starling::http {

/// A sentence for each thing that is wrong; none if all is well.
std::vector<std::string> warnings_of(const actors::membership_report& known,
                                     const actors::storage_report& disk = {},
                                     const actors::gossip_report& gossip = {});

} // namespace starling::http
