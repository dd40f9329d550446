#pragma once

// The peers' door: takes sealed messages over HTTP and hands them to the membership and gossip
// actors.
//
// Nothing of a message is decoded before its envelope is found to be of this cluster and whole; a
// refusal is one line.

#include "actors/interfaces.hpp"
#include "actors/options.hpp"
#include "http/listener.hpp"
#include "wire/envelope.hpp"
#include "wire/seal.hpp"

#include <caf/actor_system.hpp>

#include <memory>
#include <optional>
#include <string>

namespace starling::http {

class peer_listener {
public:
  peer_listener(caf::actor_system& sys, const actors::options& o, wire::secret secret,
                actors::membership_actor membership, actors::gossip_actor gossip);

  /// Opens the port; the reason if that fails.
  std::optional<std::string> start();

  /// Lets messages under way finish, as far as the actors answer, and closes the port. Idempotent.
  void stop();

private:
  response handle(const request& r);

  template <class Actor>
  response deliver(const Actor& to, const wire::opened_request& opened);

  caf::actor_system& sys_;
  wire::secret secret_;
  std::chrono::milliseconds timeout_;
  actors::membership_actor membership_;
  actors::gossip_actor gossip_;
  std::unique_ptr<listener> listener_;
};

} // namespace starling::http
