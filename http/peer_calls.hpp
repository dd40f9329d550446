#pragma once

// The calls to a node, each a row: what another node or an operator's command can ask of it.

#include "http/call_table.hpp"

#include <functional>
#include <vector>

namespace starling::http {

/// Whom the calls are for.
struct call_receivers {
  actors::membership_actor membership;
  actors::gossip_actor gossip;
  actors::backup_actor backup;
  std::function<actors::leave_report()> leave; // leaves the cluster; waits until that is done
};

std::vector<call_row> calls_to_a_node(const asker& via, const call_receivers& to);

} // namespace starling::http
