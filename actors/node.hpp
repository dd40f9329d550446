#pragma once

// A node without its HTTP listeners: who it is, and its actors, wired to each other.

#include "actors/options.hpp"
#include "actors/shard.hpp"
#include "wire/seal.hpp"

#include <caf/actor_system.hpp>

#include <cstdint>
#include <stop_token>

namespace starling::actors {

/// Drawn at random at each start. Event numbers are never used twice because no replica id is.
struct identity {
  membership::node_id node;
  membership::session_id session;
  crdt::replica_id replica;
  std::uint64_t started; // milliseconds since 1970
};

identity draw_identity();

class node {
public:
  /// Starts the actors. `o` is as `parse` returns it.
  node(caf::actor_system& sys, const options& o, const identity& who);

  node(const node&) = delete;
  node& operator=(const node&) = delete;

  /// Looks for the peers from now on; they find us as well, so the cluster's port should be open.
  void start();

  /// As `stop`.
  ~node();

  /// Hands on what the peers lack, as far as they take it within two seconds, and ends the actors.
  /// Idempotent.
  void stop();

  const shard_map& shards() const { return shards_; }
  const gossip_actor& gossip() const { return gossip_; }
  const membership_actor& membership() const { return membership_; }

private:
  caf::actor_system& sys_;
  std::stop_source stop_; // of messages to peers
  peer_client_actor peers_;
  membership_actor membership_;
  gossip_actor gossip_;
  shard_map shards_{{}};
};

/// The most bytes that a message between nodes may have with these options.
std::size_t peer_message_bytes_max(const options& o);

} // namespace starling::actors
