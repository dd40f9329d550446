// starlingd: one node of a Starling cluster.

#include "actors/call_guard.hpp"
#include "config/config.hpp"
#include "http/front_end.hpp"
#include "http/peer_calls.hpp"
#include "http/peer_listener.hpp"
#include "node/descriptors.hpp"
#include "node/node.hpp"
#include "node/operator/backup_command.hpp"
#include "node/operator/leave_command.hpp"
#include "system/exhaustion.hpp"
#include "system/log.hpp"
#include "system/standard_streams.hpp"
#include "system/stop_signals.hpp"
#include "system/wall_clock.hpp"

#include <caf/actor_system.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <unistd.h>
#include <variant>
#include <vector>

namespace {

using namespace starling;
using namespace std::chrono_literals;

// A stop during a start waits for the start, so that the node stops in order, but not for long: a
// kill does no harm then.
constexpr auto start_bound = 3s;
// What an orderly stop may take beyond `gossip.stop-timeout`.
constexpr auto stop_bound_more = 5s;
// What may still end after the node has stopped, such as a lookup of a name.
constexpr auto rest_bound = 2s;
// How long the log is waited for at the end, if nobody takes its lines.
constexpr auto log_bound = 1s;

enum class ending : std::uint8_t { stopped, failed, again };

// Set where a process goes on for another. Its value says whether an earlier one has carried out
// the orders that are meant for one start, --new-identity and --accept-loss. A start that could not
// write has not.
constexpr const char* started_again = "STARLING_STARTED_AGAIN";
constexpr const char* orders_done = "orders done";
constexpr const char* orders_left = "orders left";

bool goes_on() {
  return std::getenv(started_again) != nullptr;
}

bool are_orders_done() {
  return goes_on() && std::string_view{std::getenv(started_again)} == orders_done;
}

struct result {
  ending how = ending::failed;
  bool could_write = false;
};

result run(caf::actor_system& sys, const config::options& o, system::stop_signals& signals) {
  auto opened = node::open_home(o, goes_on());
  while (const auto* failure = std::get_if<std::string>(&opened)) {
    log::error("main", "{}", *failure);
    // A process that was there before its disk failed does not end for that.
    if (!goes_on())
      return {};
    if (signals.wait_for(o.storage.retry_interval))
      return {ending::stopped};
    opened = node::open_home(o, true);
  }
  const auto& at = std::get<node::home>(opened);
  const auto& who = at.who;
  const wire::secret secret{o.cluster.name, o.cluster.key};
  const auto started = std::chrono::sys_seconds{std::chrono::seconds{who.started / 1000}};

  std::atomic<bool> again = false;
  node::node node{sys, o, at, [&again, &signals] {
                    again = true;
                    signals.wake();
                  }};
  node::service door{sys,
                     {node.shards(), node.gossip(), node.membership(), node.reader(),
                      node.storage(), o.keys.max_waiting_bytes},
                     o.http.request_timeout};
  http::front_end clients{sys, {o.http, secret, who.replica, started}, door};
  std::mutex one_leaves;
  const auto leave = [&] {
    // One at a time, or one that gives up would let clients write while another leaves.
    const std::scoped_lock lock{one_leaves};
    door.wait_until_writes_are_refused();
    const auto report = node.leave();
    if (report.left)
      signals.wake();
    else if (report.lacking > 0) // nobody was told that it leaves, so it is a member as before
      door.take_writes();
    return report;
  };
  const http::asker via{sys, o.cluster.peer_timeout};
  const auto guard = actors::spawn_call_guard(sys, who.session, 2 * o.swim.max_members);
  http::peer_listener peers{
      sys, o, secret,
      http::call_table{
          via, guard,
          http::calls_to_a_node(via, {node.membership(), node.gossip(), node.backup(), leave})}};
  // The cluster's port first: whoever is told of this node by a seed can reach it then.
  auto failure = peers.start();
  if (!failure)
    failure = clients.start();
  if (!failure)
    failure = node.start();
  if (failure) {
    log::error("main", "{}", *failure);
    return {};
  }
  log::info("main", "clients on {}, peers on {} as {}, cluster {}, node {}", o.http.listen,
            o.cluster.listen, o.cluster.advertise, o.cluster.name, to_string(who.node));

  signals.bound_stop(o.gossip.stop_timeout + stop_bound_more, EXIT_FAILURE);
  signals.wait();
  if (const int number = signals.told_by())
    log::info("main", "stopping, told by signal {}", number);
  else
    log::info("main", "stopping");
  clients.stop();
  door.stop();
  node.stop_gossip(); // those who wait at our port for something to be joined wait no longer
  peers.stop();
  node.stop();
  if (node.is_copying()) {
    log::info("main", "waiting for the backup that is being made");
    signals.bound_stop(std::nullopt, EXIT_SUCCESS);
  } else {
    signals.bound_stop(rest_bound, EXIT_SUCCESS);
  }
  return {again ? ending::again : ending::stopped, !at.cannot_write};
}

/// Becomes a process that starts as this one did. Returns only if that fails.
void start_again(char** argv, bool could_write) {
  system::close_others_on_exec();
  const auto* orders = could_write || are_orders_done() ? orders_done : orders_left;
  if (::setenv(started_again, orders, 1) == 0)
    ::execv("/proc/self/exe", argv);
  log::error("main", "cannot start again: {}", std::strerror(errno));
}

/// What is configured, or the status to end with.
std::variant<config::options, int> configure(const config::command_line& line,
                                             config::node_config& config) {
  auto parsed = config::parse(line, config::environment_of(environ), config);
  if (auto* o = std::get_if<config::options>(&parsed)) {
    if (are_orders_done())
      o->storage.new_identity = o->storage.accept_loss = false;
    return std::move(*o);
  }
  const auto& exit = std::get<config::exit_request>(parsed);
  std::fputs(exit.text.c_str(), exit.code == 0 ? stdout : stderr);
  return exit.code;
}

/// Runs a node until it is told to end.
int serve(const config::command_line& line, char** argv) {
  system::stop_signals signals;
  signals.bound_stop(start_bound, EXIT_SUCCESS);
  config::node_config config;
  auto configured = configure(line, config);
  auto* o = std::get_if<config::options>(&configured);
  if (!o)
    return std::get<int>(configured);
  if (const auto bad = system::complaint_about_clock(std::chrono::system_clock::now())) {
    std::fprintf(stderr, "starlingd: %s\n", bad->c_str());
    return EXIT_FAILURE;
  }
  log::init(o->log.level, o->node.name);
  log::write_in_background();
  for (const auto& name : config::strangers_in(config::environment_of(environ)))
    log::warn("main", "{} is no option, so it has no effect", name);
  if (const auto warning = node::fit_connections(*o, node::raise_descriptor_limit()))
    log::warn("main", "{}", *warning);
  result end;
  {
    caf::actor_system sys{config};
    end = run(sys, *o, signals);
  }
  signals.stop_listening(); // one that comes from now on is for the process that goes on
  if (end.how == ending::again && signals.is_told())
    end.how = ending::stopped;
  log::info("main", "stopped");
  log::flush(log_bound);
  if (end.how == ending::again)
    start_again(argv, end.could_write);
  log::flush(log_bound);
  return end.how == ending::stopped ? EXIT_SUCCESS : EXIT_FAILURE;
}

/// Tells a running node to leave its cluster.
int leave(const config::command_line& line) {
  config::node_config config;
  const auto configured = configure(line, config);
  const auto* o = std::get_if<config::options>(&configured);
  return o ? node::leave_cluster(*o, stdout) : std::get<int>(configured);
}

/// Tells a running node to make a backup in the folder that stands beside the flags.
int run_backup(config::command_line line) {
  std::string folder;
  if (!line.words.empty()) {
    folder = line.words.front();
    line.words.erase(line.words.begin());
  }
  config::node_config config;
  const auto configured = configure(line, config);
  const auto* o = std::get_if<config::options>(&configured);
  return o ? node::order_backup(*o, folder, stdout) : std::get<int>(configured);
}

} // namespace

int main(int argc, char** argv) {
  system::fill_standard_streams();
  system::end_in_words_on_exhaustion();
  node::register_types();
  const std::vector<std::string> arguments{argv + std::min(argc, 1), argv + argc};
  const auto behind = [&] { return std::vector(arguments.begin() + 1, arguments.end()); };
  if (!arguments.empty() && arguments.front() == "leave")
    return leave(config::take_apart(behind()));
  if (!arguments.empty() && arguments.front() == "backup")
    return run_backup(config::take_apart(behind()));
  return serve(config::take_apart(arguments), argv);
}
