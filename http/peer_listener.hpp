#pragma once

// The peers' door: takes sealed messages over HTTP and answers each by its row in the table of
// calls. Peers and operators' commands come through it.
//
// Nothing of a message is decoded before its envelope is found to be of this cluster and whole. A
// refusal is one line.

#include "config/options.hpp"
#include "http/call_table.hpp"
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
  peer_listener(caf::actor_system& sys, const config::options& o, wire::secret secret,
                call_table calls);

  /// Opens the port; the reason if that fails.
  std::optional<std::string> start();

  /// Lets messages under way finish, as far as the actors answer, and closes the port. Idempotent.
  void stop();

private:
  response handle(const request& r);

  wire::secret secret_;
  call_table calls_;
  std::unique_ptr<listener> listener_;
};

} // namespace starling::http
