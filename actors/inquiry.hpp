#pragma once

// Asks the other nodes, once after a start, what the latest is that they know of this node's
// replica id, and tells the storage actor whether events may be numbered under it: see
// replication/confirmation.hpp.
//
// All seeds, at each of their addresses, and all members that the disk remembers are asked at once,
// and those that do not answer again and again: they may be starting, too. When `timeout` is over,
// nobody is waited for any more. If no witness has answered by then, the storage actor is told that
// there is doubt, and a witness that answers later still settles it. The actor ends when it is
// settled.

#include "actors/interfaces.hpp"

#include <caf/actor_system.hpp>

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace starling::actors {

struct inquiry_context {
  crdt::replica_id replica;
  std::uint64_t changes;                       // that the disk knows of
  replication::session_id session;             // of this node
  std::set<replication::session_id> witnesses; // since when others keep what they know
  std::vector<std::string> members;            // where they were
  std::vector<std::string> seeds;              // names, perhaps of several
  peer_client_actor peers;                     // ends with this actor
  resolver_actor resolver;                     // of seeds
  storage_actor disk;
  gossip_actor gossip{}; // told as well; may be none
  std::chrono::milliseconds timeout;
  std::chrono::milliseconds retry_interval{100};
};

inquiry_actor spawn_inquiry(caf::actor_system& sys, const inquiry_context& context);

/// Where peers answer it.
inline constexpr const char* inquiry_path = "/cluster/tally";

} // namespace starling::actors
