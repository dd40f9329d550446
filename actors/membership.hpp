#pragma once

// The membership actor: carries out what membership::joiner decides.

#include "actors/interfaces.hpp"

#include <caf/actor_system.hpp>

#include <cstdint>

namespace starling::actors {

struct membership_context {
  membership::member self;
  membership::join_options options;
  std::uint64_t random_seed;
  peer_client_actor peers;
};

membership_actor spawn_membership(caf::actor_system& sys, const membership_context& context);

/// Where a peer takes announcements.
inline constexpr const char* join_path = "/cluster/join";

} // namespace starling::actors
