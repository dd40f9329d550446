#pragma once

// What this program tells others that it can read.

#include "membership/abilities.hpp"

namespace starling::node {

/// The versions of the protocol between nodes, and all types of values with their newest format.
membership::abilities own_abilities();

} // namespace starling::node
