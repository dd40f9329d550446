#pragma once

// Nodes of a later version: one that knows more types (tests/toy).

#include "tests/e2e/cluster.hpp"

namespace starling::e2e {

/// From now on the node is started as a later version, or again as the one that is tested.
inline void be_later(node& n) {
  n.start_by({"sh", "-c", "shift; exec " STARLINGD_WITH_TOY_PATH " \"$@\"", "sh"});
}
inline void be_present(node& n) {
  n.start_by({});
}

} // namespace starling::e2e
