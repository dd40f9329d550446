#pragma once

// How a node is: what its actors say of themselves, and whether it is ready for clients.

#include "actors/types.hpp"
#include "node/service_error.hpp"

#include <optional>
#include <string>

namespace starling::node {

struct node_report {
  actors::membership_report membership;
  actors::gossip_report gossip;
  actors::storage_report storage;
  bool refuses_writes = false; // because it is to leave
};

/// Why clients should go to another node.
struct unreadiness {
  enum class cause : std::uint8_t {
    stopping,
    leaving,
    silent, // an actor does not answer
    disk_full,
    disk_takes_no_writes,
    disk_damaged,
    disk_unreadable, // in part
    being_mended,
  };
  cause is = cause::silent;
  std::string what{}; // the disk says
  friend bool operator==(const unreadiness&, const unreadiness&) = default;
};

/// Nothing if the node is ready. A node that is alone is: so is the first of a cluster, and each of
/// one that fell apart.
std::optional<unreadiness> why_not_ready(const outcome<node_report>& report);

} // namespace starling::node
