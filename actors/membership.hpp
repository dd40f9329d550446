#pragma once

// The membership actor: carries out what membership::swim decides.
//
// It hears of datagrams in batches, and before each tick it asks the socket for what is still
// queued there, so that nobody is judged while its answer waits.

#include "actors/interfaces.hpp"
#include "config/options.hpp"
#include "membership/remembered.hpp"
#include "membership/swim.hpp"

#include <caf/actor_system.hpp>

#include <cstdint>
#include <functional>

namespace starling::actors {

struct membership_context {
  membership::identity self;
  membership::settings settings;
  wire::secret secret;
  std::vector<std::string> seeds;
  std::uint64_t random_seed;
  peer_client_actor peers;
  resolver_actor resolver;      // of this node's own address
  resolver_actor seed_resolver; // of the seeds' names

  // Peers on other machines reach it, so a loopback address is of no use.
  bool is_for_others = false;

  // How often this node looks its own name up, and how soon again while it does not resolve.
  std::chrono::milliseconds resolve_interval = config::cluster_options{}.resolve_interval;
  std::chrono::milliseconds resolve_retry = config::cluster_options{}.resolve_retry;

  // The socket. Neither call waits.
  std::function<void(const membership::udp_address&, std::string_view)> send;
  std::function<std::vector<datagram>()> take; // what is queued

  // This node has another id or generation from now on; nothing was sent under it yet. Rare, and
  // may wait for the disk.
  std::function<void(const membership::node_id&, std::uint64_t generation)> renamed = {};

  // Members of an earlier life: they are looked for beside the seeds until somebody is found.
  std::vector<membership::remembered_member> remembered = {};

  // These members are to be remembered from now on. Not more often than every `remember_interval`,
  // but for who is found to have had all that this node has: those together within `note_delay`.
  std::function<void(const std::vector<membership::remembered_member>&)> remember = {};
  std::chrono::milliseconds remember_interval{2'000};
  std::chrono::milliseconds note_delay{100};

  // Somebody else may have what is on this node's disk, or had it later: see storage/identity.hpp.
  std::function<void()> doubted = {};
};

membership_actor spawn_membership(caf::actor_system& sys, const membership_context& context);

/// Where a member takes calls of that kind.
std::string path_of(membership::call_kind kind);

} // namespace starling::actors
