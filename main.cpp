// starlingd: one node of a Starling cluster.

#include "actors/backup_command.hpp"
#include "actors/config.hpp"
#include "actors/descriptors.hpp"
#include "actors/exhaustion.hpp"
#include "actors/leave_command.hpp"
#include "actors/log.hpp"
#include "actors/node.hpp"
#include "actors/standard_streams.hpp"
#include "actors/stop_signals.hpp"
#include "actors/wall_clock.hpp"
#include "http/front_end.hpp"
#include "http/peer_listener.hpp"

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

result run(caf::actor_system& sys, const actors::options& o, actors::stop_signals& signals) {
  auto opened = actors::open_home(o, goes_on());
  while (const auto* failure = std::get_if<std::string>(&opened)) {
    actors::log::error("main", "{}", *failure);
    // A process that was there before its disk failed does not end for that.
    if (!goes_on())
      return {};
    if (signals.wait_for(o.storage.retry_interval))
      return {ending::stopped};
    opened = actors::open_home(o, true);
  }
  const auto& at = std::get<actors::home>(opened);
  const auto& who = at.who;
  const wire::secret secret{o.cluster.name, o.cluster.key};
  const auto started = std::chrono::sys_seconds{std::chrono::seconds{who.started / 1000}};

  std::atomic<bool> again = false;
  actors::node node{sys, o, at, [&again, &signals] {
                      again = true;
                      signals.wake();
                    }};
  http::front_end clients{sys,
                          {o.http, secret, who.replica, started},
                          {node.shards(), node.gossip(), node.membership(), node.reader(),
                           node.storage(), o.keys.max_waiting_bytes}};
  std::mutex one_leaves;
  const auto leave = [&] {
    // One at a time, or one that gives up would let clients write while another leaves.
    const std::scoped_lock lock{one_leaves};
    clients.refuse_writes();
    const auto report = node.leave();
    if (report.left)
      signals.wake();
    else if (report.lacking > 0) // nobody was told that it leaves, so it is a member as before
      clients.take_writes();
    return report;
  };
  http::peer_listener peers{sys, o, secret, node.membership(), node.gossip(), node.backup(), leave};
  // The cluster's port first: whoever is told of this node by a seed can reach it then.
  auto failure = peers.start();
  if (!failure)
    failure = clients.start();
  if (!failure)
    failure = node.start();
  if (failure) {
    actors::log::error("main", "{}", *failure);
    return {};
  }
  actors::log::info("main", "clients on {}, peers on {} as {}, cluster {}, node {}", o.http.listen,
                    o.cluster.listen, o.cluster.advertise, o.cluster.name, to_string(who.node));

  signals.bound_stop(o.gossip.stop_timeout + stop_bound_more, EXIT_FAILURE);
  signals.wait();
  if (const int number = signals.told_by())
    actors::log::info("main", "stopping, told by signal {}", number);
  else
    actors::log::info("main", "stopping");
  clients.stop();
  node.stop_gossip(); // those who wait at our port for something to be joined wait no longer
  peers.stop();
  node.stop();
  if (node.is_copying()) {
    actors::log::info("main", "waiting for the backup that is being made");
    signals.bound_stop(std::nullopt, EXIT_SUCCESS);
  } else {
    signals.bound_stop(rest_bound, EXIT_SUCCESS);
  }
  return {again ? ending::again : ending::stopped, !at.cannot_write};
}

/// Becomes a process that starts as this one did. Returns only if that fails.
void start_again(char** argv, bool could_write) {
  actors::close_others_on_exec();
  const auto* orders = could_write || are_orders_done() ? orders_done : orders_left;
  if (::setenv(started_again, orders, 1) == 0)
    ::execv("/proc/self/exe", argv);
  actors::log::error("main", "cannot start again: {}", std::strerror(errno));
}

/// What is configured, or the status to end with.
std::variant<actors::options, int> configure(const actors::command_line& line,
                                             actors::node_config& config) {
  auto parsed = actors::parse(line, actors::environment_of(environ), config);
  if (auto* o = std::get_if<actors::options>(&parsed)) {
    if (are_orders_done())
      o->storage.new_identity = o->storage.accept_loss = false;
    return std::move(*o);
  }
  const auto& exit = std::get<actors::exit_request>(parsed);
  std::fputs(exit.text.c_str(), exit.code == 0 ? stdout : stderr);
  return exit.code;
}

/// Runs a node until it is told to end.
int serve(const actors::command_line& line, char** argv) {
  actors::stop_signals signals;
  signals.bound_stop(start_bound, EXIT_SUCCESS);
  actors::node_config config;
  auto configured = configure(line, config);
  auto* o = std::get_if<actors::options>(&configured);
  if (!o)
    return std::get<int>(configured);
  if (const auto bad = actors::complaint_about_clock(std::chrono::system_clock::now())) {
    std::fprintf(stderr, "starlingd: %s\n", bad->c_str());
    return EXIT_FAILURE;
  }
  actors::log::init(o->log.level, o->node.name);
  actors::log::write_in_background();
  for (const auto& name : actors::strangers_in(actors::environment_of(environ)))
    actors::log::warn("main", "{} is no option, so it has no effect", name);
  if (const auto warning = actors::fit_connections(*o, actors::raise_descriptor_limit()))
    actors::log::warn("main", "{}", *warning);
  result end;
  {
    caf::actor_system sys{config};
    end = run(sys, *o, signals);
  }
  signals.stop_listening(); // one that comes from now on is for the process that goes on
  if (end.how == ending::again && signals.is_told())
    end.how = ending::stopped;
  actors::log::info("main", "stopped");
  actors::log::flush(log_bound);
  if (end.how == ending::again)
    start_again(argv, end.could_write);
  actors::log::flush(log_bound);
  return end.how == ending::stopped ? EXIT_SUCCESS : EXIT_FAILURE;
}

/// Tells a running node to leave its cluster.
int leave(const actors::command_line& line) {
  actors::node_config config;
  const auto configured = configure(line, config);
  const auto* o = std::get_if<actors::options>(&configured);
  return o ? actors::leave_cluster(*o, stdout) : std::get<int>(configured);
}

/// Tells a running node to make a backup in the folder that stands beside the flags.
int back_up(actors::command_line line) {
  std::string folder;
  if (!line.words.empty()) {
    folder = line.words.front();
    line.words.erase(line.words.begin());
  }
  actors::node_config config;
  const auto configured = configure(line, config);
  const auto* o = std::get_if<actors::options>(&configured);
  return o ? actors::back_up(*o, folder, stdout) : std::get<int>(configured);
}

} // namespace

int main(int argc, char** argv) {
  actors::fill_standard_streams();
  actors::end_in_words_on_exhaustion();
  http::register_types();
  const std::vector<std::string> arguments{argv + std::min(argc, 1), argv + argc};
  const auto behind = [&] { return std::vector(arguments.begin() + 1, arguments.end()); };
  if (!arguments.empty() && arguments.front() == "leave")
    return leave(actors::take_apart(behind()));
  if (!arguments.empty() && arguments.front() == "backup")
    return back_up(actors::take_apart(behind()));
  return serve(actors::take_apart(arguments), argv);
}
