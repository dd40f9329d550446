// starlingd: one node of a Starling cluster.

#include "actors/config.hpp"
#include "actors/log.hpp"
#include "actors/node.hpp"
#include "http/front_end.hpp"
#include "http/peer_listener.hpp"

#include <caf/actor_system.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace {

using namespace starling;

/// The signals that end the process are taken here, by the one thread that waits for them.
sigset_t block_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

int run(caf::actor_system& sys, const actors::options& o, const sigset_t& stop_signals) {
  const auto who = actors::draw_identity();
  const wire::secret secret{o.cluster.name, o.cluster.key};
  const auto started = std::chrono::sys_seconds{std::chrono::seconds{who.started / 1000}};

  actors::node node{sys, o, who};
  http::peer_listener peers{sys, o, secret, node.membership(), node.gossip()};
  http::front_end clients{sys,
                          {o.http, secret, who.replica, started},
                          {node.shards(), node.gossip(), node.membership()}};
  // The cluster's port first: whoever is told of this node by a seed can reach it then.
  auto failure = peers.start();
  if (!failure)
    failure = clients.start();
  if (failure) {
    actors::log::error("main", "{}", *failure);
    return EXIT_FAILURE;
  }
  actors::log::info("main", "clients on {}, peers on {} as {}, cluster {}, node {}", o.http.listen,
                    o.cluster.listen, o.cluster.advertise, o.cluster.name, to_string(who.node));
  node.start();

  int signal = 0;
  sigwait(&stop_signals, &signal);
  actors::log::info("main", "stopping");
  clients.stop();
  peers.stop();
  node.stop();
  return EXIT_SUCCESS;
}

} // namespace

int main(int argc, char** argv) {
  const auto stop_signals = block_stop_signals();
  http::register_types();
  actors::node_config config;
  const auto parsed = actors::parse(argc, argv, config);
  if (const auto* exit = std::get_if<actors::exit_request>(&parsed)) {
    std::fputs(exit->text.c_str(), exit->code == 0 ? stdout : stderr);
    return exit->code;
  }
  const auto& o = std::get<actors::options>(parsed);
  actors::log::init(o.log.level, o.node.name);
  caf::actor_system sys{config};
  const auto code = run(sys, o, stop_signals);
  actors::log::info("main", "stopped");
  return code;
}
