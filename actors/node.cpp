#include "actors/node.hpp"

#include "actors/gossip.hpp"
#include "actors/log.hpp"
#include "actors/membership.hpp"
#include "actors/peer_client.hpp"
#include "actors/random.hpp"
#include "wire/envelope.hpp"

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <chrono>

namespace starling::actors {

namespace {

// How long a stop may wait for the peers to take what they lack.
constexpr auto flush_time_max = std::chrono::seconds{2};

crdt::lww_register::stamp wall_clock() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  return us > 0 ? static_cast<crdt::lww_register::stamp>(us) : 0;
}

} // namespace

identity draw_identity() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {membership::node_id::from(random_bits(), random_bits()),
          membership::session_id{random_bits()},
          crdt::replica_id::from(random_bits(), random_bits()),
          static_cast<std::uint64_t>(
              std::chrono::duration_cast<std::chrono::milliseconds>(now).count())};
}

std::size_t peer_message_bytes_max(const options& o) {
  constexpr std::size_t around = 4096; // sessions, one key, lengths
  return std::max({o.gossip.max_message, o.gossip.max_value,
                   membership::announcement_bytes_max(o.cluster.max_members)}) +
         around + wire::envelope_size;
}

node::node(caf::actor_system& sys, const options& o, const identity& who) : sys_(sys) {
  peers_ = spawn_peer_client(sys, {.secret = wire::secret{o.cluster.name, o.cluster.key},
                                   .timeout = o.cluster.peer_timeout,
                                   .answer_bytes_max = peer_message_bytes_max(o),
                                   .workers = o.cluster.peer_clients,
                                   .stop = stop_.get_token()});
  membership_ = spawn_membership(sys, {.self = {.address = o.cluster.advertise,
                                                .generation = who.started,
                                                .node = who.node,
                                                .session = who.session,
                                                .name = o.node.name,
                                                .http_address = o.http.advertise},
                                       .options = {.seeds = o.cluster.seeds,
                                                   .backoff_min = o.cluster.join_backoff_min,
                                                   .backoff_max = o.cluster.join_backoff_max,
                                                   .sync_interval = o.cluster.sync_interval,
                                                   .max_members = o.cluster.max_members},
                                       .random_seed = random_bits(),
                                       .peers = peers_});
  gossip_ = spawn_gossip(
      sys, {.session = {who.session.bits},
            .limits = {.message_bytes = o.gossip.max_message, .log_bytes = o.gossip.max_log},
            .interval = o.gossip.interval,
            .random_seed = random_bits(),
            .peers = peers_,
            .membership = membership_});
  std::vector<shard_actor> shards;
  for (std::size_t i = 0; i < o.keys.shards; ++i)
    // A state that clients have filled must still travel in one message after concurrent writes
    // elsewhere joined it.
    shards.push_back(spawn_shard(sys, {.replica = who.replica,
                                       .now = wall_clock,
                                       .value_bytes_max = o.gossip.max_value / 2,
                                       .gossip = gossip_}));
  shards_ = shard_map{shards};
  caf::anon_send(gossip_, shards_atom_v, std::move(shards));
  caf::anon_send(membership_, watch_atom_v, gossip_);
}

void node::start() {
  caf::anon_send(membership_, tick_atom_v);
}

node::~node() {
  stop();
}

void node::stop() {
  if (!gossip_)
    return;
  caf::scoped_actor self{sys_};
  self->request(gossip_, flush_time_max, flush_atom_v)
      .receive([] {},
               [](const caf::error&) {
                 log::warn("node", "stopping before every peer has everything");
               });
  stop_.request_stop();
  const auto end = [&](auto& actor) {
    self->send_exit(actor, caf::exit_reason::user_shutdown);
    self->wait_for(actor);
    actor = nullptr;
  };
  end(membership_);
  end(gossip_);
  for (auto shard : shards_.all())
    end(shard);
  shards_ = shard_map{{}};
  end(peers_);
}

} // namespace starling::actors
