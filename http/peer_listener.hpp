#pragma once

// The peers' door: takes sealed messages over HTTP and hands them to the membership and gossip
// actors. It is the operator's door as well, for orders to leave the cluster and to make a backup.
//
// Nothing of a message is decoded before its envelope is found to be of this cluster and whole; a
// refusal is one line. An order names the life of this process, as the answer to one for nobody
// does, so that it means nothing when it is repeated later.

#include "actors/interfaces.hpp"
#include "config/options.hpp"
#include "http/listener.hpp"
#include "wire/envelope.hpp"
#include "wire/seal.hpp"

#include <caf/actor_system.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

namespace starling::http {

class peer_listener {
public:
  /// Leaves the cluster; blocks until that is done.
  using leaver = std::function<actors::leave_report()>;

  peer_listener(caf::actor_system& sys, const config::options& o, wire::secret secret,
                actors::membership_actor membership, actors::gossip_actor gossip,
                actors::backup_actor backup, leaver leave);

  /// Opens the port; the reason if that fails.
  std::optional<std::string> start();

  /// Lets messages under way finish, as far as the actors answer, and closes the port. Idempotent.
  void stop();

private:
  response handle(const request& r);

  /// What an actor answers, or the refusal that this is to the peer.
  template <class T, class Actor, class... Ts>
  std::variant<T, response> ask(const Actor& to, Ts&&... message);

  std::variant<std::string, response> answer_to(const std::string& target,
                                                const std::string& content);
  std::variant<std::string, response> back_up(const std::string& call);

  caf::actor_system& sys_;
  wire::secret secret_;
  std::chrono::milliseconds timeout_;
  actors::membership_actor membership_;
  actors::gossip_actor gossip_;
  actors::backup_actor backup_;
  leaver leave_;
  std::unique_ptr<listener> listener_;
};

} // namespace starling::http
