#pragma once

// What a person should know of a node although it serves: of its place in its cluster, and of what
// it waits for after a start.

#include "actors/types.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace starling::http {

/// A sentence for each thing that is wrong; none if all is well.
std::vector<std::string> warnings_of(const actors::membership_report& known,
                                     const actors::storage_report& disk = {},
                                     std::uint64_t unknown_keys = 0);

} // namespace starling::http
