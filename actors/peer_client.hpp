#pragma once

// The way to the peers: a few detached actors that block in the HTTP client, so that nobody else
// does, and one that gives them work.
//
// At most one request for each address is under way; further ones wait their turn. Peers whose last
// request failed never occupy all workers, so one that stalls does not slow down those that are
// well. A worker keeps its last connection open for a while; who asks for the same address next is
// given that worker, if it is idle.

#include "actors/interfaces.hpp"
#include "system/peer_http.hpp"
#include "wire/seal.hpp"

#include <caf/actor_system.hpp>
#include <caf/expected.hpp>

#include <chrono>
#include <cstddef>
#include <stop_token>

namespace starling::actors {

struct peer_client_context {
  wire::secret secret;
  std::chrono::milliseconds timeout; // for a request in all
  std::size_t answer_bytes_max;
  std::size_t workers;
  std::stop_token stop = {}; // requests under way fail once a stop is requested
};

peer_client_actor spawn_peer_client(caf::actor_system& sys, const peer_client_context& context);

/// Seals, posts, waits, opens: what a worker does for each request. Blocks. `kept` is as for
/// `post`.
caf::expected<std::string> exchange(const peer_client_context& context, const std::string& address,
                                    const std::string& path, const std::string& body,
                                    system::kept_connection* kept = nullptr);

/// The same over given workers; each answers the same message and may block.
peer_client_actor spawn_peer_client(caf::actor_system& sys, std::vector<peer_client_actor> workers);

} // namespace starling::actors
