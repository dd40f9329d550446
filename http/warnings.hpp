#pragma once

// What a person should know of a node's place in its cluster although the node serves.

#include "actors/types.hpp"

#include <string>
#include <vector>

namespace starling::http {

/// A sentence for each thing that is wrong; none if all is well.
std::vector<std::string> warnings_of(const actors::membership_report& known);

} // namespace starling::http
