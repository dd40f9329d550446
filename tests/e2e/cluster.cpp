#include "tests/e2e/cluster.hpp"

#include "tests/e2e/eventually.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <csignal>
#include <fstream>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace starling::e2e {

using testing::AssertionFailure;
using testing::AssertionResult;
using testing::AssertionSuccess;

namespace {

/// Whether nobody has that port for datagrams at this moment.
bool is_free_for_datagrams(const sockaddr_in& address) {
  const int one = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const bool result = bind(one, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(one);
  return result;
}

/// A text in a node's GET /cluster; "" if it does not answer.
std::string text_in_report(const node& of, std::string_view where) {
  const auto page = of.http().get("/cluster").json();
  boost::json::error_code error;
  const auto* found = page.find_pointer(where, error);
  return found && found->is_string() ? found->as_string().c_str() : "";
}

} // namespace

reserved_port::reserved_port() {
  for (int tries = 0; tries < 20; ++tries) {
    socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof any;
    auto* address = reinterpret_cast<sockaddr*>(&any);
    if (bind(socket_, address, size) == 0 && getsockname(socket_, address, &size) == 0 &&
        is_free_for_datagrams(any)) {
      number_ = ntohs(any.sin_port);
      return;
    }
    close(socket_);
  }
  throw std::runtime_error{"there is no free port"};
}

reserved_port::~reserved_port() {
  close(socket_);
}

std::string reserved_port::address() const {
  return "127.0.0.1:" + std::to_string(number_);
}

node::node(std::string name, std::vector<std::string> flags)
    : name_(std::move(name)), flags_(std::move(flags)) {}

void node::set_flag(const std::string& flag) {
  const auto option_of = [](const std::string& of) { return of.substr(0, of.find('=')); };
  std::erase_if(flags_, [&](const auto& earlier) { return option_of(earlier) == option_of(flag); });
  flags_.push_back(flag);
}

node::~node() {
  if (process_ && !process_->is_running())
    ADD_FAILURE() << name_ << " ended by itself with status " << *process_->wait({});
  bury();
}

void node::bury() {
  if (process_ && output().find("Sanitizer") != std::string::npos)
    ADD_FAILURE() << name_ << " was found at fault:\n" << output();
  process_.reset();
}

void node::launch() {
  auto command = starter_;
  command.emplace_back(STARLINGD_PATH);
  const auto flags = arguments();
  command.insert(command.end(), flags.begin(), flags.end());
  process_ = std::make_unique<process>(command);
}

std::vector<std::string> node::arguments() const {
  std::vector<std::string> result{"--node.name=" + name_, "--http.listen=" + http_port_.address(),
                                  "--cluster.listen=" + peer_port_.address()};
  result.insert(result.end(), flags_.begin(), flags_.end());
  if (std::ranges::none_of(flags_, [](const auto& flag) { return flag.starts_with("--data-dir"); }))
    result.emplace_back("--in-memory");
  return result;
}

AssertionResult node::wait_until_ready() {
  return eventually([this]() -> AssertionResult {
    const auto ready = http().get("/readyz");
    if (ready.status == 200)
      return AssertionSuccess();
    return AssertionFailure() << name_ << " is not ready: " << ready.status << ' ' << ready.body;
  });
}

AssertionResult node::start() {
  launch();
  return wait_until_ready();
}

void node::crash() {
  process_->signal(SIGKILL);
  process_->wait(std::chrono::seconds{10});
  bury();
}

std::optional<int> node::wait(std::chrono::milliseconds deadline) {
  const auto status = process_->wait(deadline);
  if (status)
    bury();
  return status;
}

std::optional<int> node::stop(int signal, std::chrono::milliseconds deadline) {
  process_->signal(signal);
  const auto status = process_->wait(deadline);
  bury();
  return status;
}

void node::freeze() {
  process_->signal(SIGSTOP);
}

void node::thaw() {
  process_->signal(SIGCONT);
}

std::size_t node::resident_bytes() const {
  if (!process_)
    return 0;
  std::ifstream status{"/proc/" + std::to_string(process_->id()) + "/status"};
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:"))
      return std::stoul(line.substr(6)) * 1024; // the file's kB are 1024 bytes
  return 0;
}

cluster::cluster(std::size_t size, const std::vector<std::string>& flags) {
  std::string seeds;
  for (std::size_t i = 0; i < size; ++i) {
    auto& added = nodes_.emplace_back(
        "node-" + std::to_string(i),
        std::vector<std::string>{"--gossip.interval=100ms", "--swim.seed-backoff-min=50ms",
                                 "--swim.seed-backoff-max=500ms", "--swim.probe-interval=500ms",
                                 "--swim.probe-timeout-first=200ms",
                                 "--swim.probe-timeout-min=200ms", "--swim.probe-timeout-max=200ms",
                                 "--swim.dead-probe-interval=1s", "--swim.seed-interval=1s"});
    seeds += (seeds.empty() ? "\"" : ",\"") + added.peer_port().address() + '"';
  }
  for (auto& added : nodes_) {
    added.set_flag("--cluster.seeds=[" + seeds + "]");
    for (const auto& flag : flags)
      added.set_flag(flag);
  }
}

void cluster::keep_data_below(const std::string& folder) {
  for (auto& one : nodes_)
    one.set_flag("--data-dir=" + folder + '/' + one.name());
}

AssertionResult cluster::start() {
  for (auto& one : nodes_)
    one.launch();
  for (auto& one : nodes_)
    if (auto ready = one.wait_until_ready(); !ready)
      return ready;
  return eventually([this] { return is_whole(); });
}

AssertionResult cluster::is_whole() {
  for (const auto& one : nodes_)
    for (const auto& other : nodes_)
      if (&one != &other && state_of_peer(one, other) != "alive")
        return AssertionFailure() << one.name() << " knows " << other.name() << " as \""
                                  << state_of_peer(one, other) << '"';
  return AssertionSuccess();
}

AssertionResult cluster::all_show(const std::string& target, const std::string& value) {
  for (const auto& one : nodes_)
    if (auto seen = shows(one, target, value); !seen)
      return seen;
  return AssertionSuccess();
}

AssertionResult cluster::all_come_to_show(const std::string& target, const std::string& value) {
  return eventually([&] { return all_show(target, value); });
}

AssertionResult cluster::all_are_equal() {
  const auto first = text_in_report(nodes_[0], "/replication/root");
  for (const auto& one : nodes_)
    if (const auto root = text_in_report(one, "/replication/root"); root.empty() || root != first)
      return AssertionFailure() << one.name() << " shows the root \"" << root << "\", "
                                << nodes_[0].name() << " \"" << first << '"';
  return AssertionSuccess();
}

AssertionResult shows(const node& n, const std::string& target, const std::string& value) {
  const auto seen = n.http().shown(target);
  if (seen == value)
    return AssertionSuccess();
  return AssertionFailure() << n.name() << " shows " << target << " as " << seen << ", not "
                            << value;
}

AssertionResult comes_to_show(const node& n, const std::string& target, const std::string& value) {
  return eventually([&] { return shows(n, target, value); });
}

std::string replica_id(const node& of) {
  return text_in_report(of, "/self/replica");
}

std::vector<member_shown> members_shown(const node& who) {
  const auto page = who.http().get("/cluster").json();
  const auto* object = page.if_object();
  const auto* peers = object ? object->if_contains("peers") : nullptr;
  std::vector<member_shown> result;
  if (!peers || !peers->is_array())
    return result;
  for (const auto& one : peers->as_array()) {
    const auto text = [&one](const char* name) {
      return std::string{one.at(name).as_string().c_str()};
    };
    result.push_back({text("name"), text("node"), text("cluster"), text("state")});
  }
  return result;
}

std::string state_of_peer(const node& who, const node& peer) {
  std::string states;
  for (const auto& one : members_shown(who))
    if (one.address == peer.peer_port().address())
      states += (states.empty() ? "" : ",") + one.state;
  return states;
}

outcome tell_to_leave(const node& n) {
  std::vector<std::string> command{STARLINGD_PATH, "leave"};
  for (const auto& argument : n.arguments())
    command.push_back(argument);
  return run(command);
}

} // namespace starling::e2e
