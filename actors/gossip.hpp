#pragma once

// The gossip actor: carries out what replication::gossip decides.
//
// Where there is a disk, it first reads the digests of all keys from there. Until then it has
// nothing to say to peers: they would take the keys that it does not know yet for missing.

#include "actors/interfaces.hpp"
#include "keyspace/anti_entropy.hpp"

#include <caf/actor_system.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace starling::actors {

struct gossip_context {
  replication::session_id session; // of this process
  replication::gossip_limits limits;
  replication::digester digests;
  std::chrono::milliseconds interval;        // between rounds
  std::chrono::milliseconds prompt_delay{0}; // of further ones after a change; 0: none
  std::uint64_t random_seed;
  peer_client_actor peers;
  membership_actor membership; // told where somebody else is than we thought
  reader_actor reader{};       // knows the keys from before this session; may be none
  storage_actor disk{};        // told when what it lost is back; nobody, if nothing is lost
  std::optional<keyspace::rescuers>
      rescuers{}; // who may bring that back; nothing, if nothing is lost

  // Since when this node has lost nothing; since this session, if it is not known.
  std::optional<replication::session_id> kept_since{};

  // How far nodes got, as the disk has it, and who keeps it; nothing and nobody without a disk.
  std::optional<replication::tally> own{};
  std::vector<replication::tally> former{};         // of this node, under ids that it gave up
  std::vector<replication::session_id> witnesses{}; // that the disk notes
  bool is_certain = true;                           // nobody is asked what he knows of this node
  std::vector<replication::tally> others{};
  storage_actor storage{};
};

gossip_actor spawn_gossip(caf::actor_system& sys, const gossip_context& context);

/// Where a peer takes gossip.
inline constexpr const char* gossip_path = "/cluster/gossip";

} // namespace starling::actors
