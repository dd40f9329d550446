#pragma once

// The listener for clients that speak HTTP: parses what they ask for (http/api/request), hands it
// to the service, waits for what comes of it, and writes that as JSON (http/api/reply).

#include "config/options.hpp"
#include "http/api/request.hpp"
#include "http/listener.hpp"
#include "node/service.hpp"
#include "wire/seal.hpp"

#include <caf/actor_system.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace starling::http {

class front_end {
public:
  struct settings {
    config::http_options options;
    wire::secret secret;      // authenticates contexts
    crdt::replica_id replica; // for display
    std::chrono::sys_seconds started;
  };

  /// `door` must outlive this.
  front_end(caf::actor_system& sys, settings with, node::service& door);

  front_end(const front_end&) = delete;
  front_end& operator=(const front_end&) = delete;
  ~front_end();

  /// Opens the port; the reason if that fails.
  std::optional<std::string> start();

  /// Lets requests under way finish and closes the port. The service begins to stop. Idempotent.
  void stop();

private:
  response handle(const request& r);

  response reply(const read_request& asked);
  response reply(write_request& asked);
  response reply(const keys_request& asked);
  response reply(index_request);
  response reply(cluster_request);
  response reply(health_request);
  response reply(ready_request);
  response reply(metrics_request);
  response reply(const options_request& asked);
  response reply(const problem& what);

  node::outcome<node::node_report> ask_how_it_is();

  caf::actor_system& sys_;
  settings settings_;
  node::service& door_;
  listener listener_;
};

} // namespace starling::http
