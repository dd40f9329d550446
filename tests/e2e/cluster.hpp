#pragma once

// Nodes as a test runs them: real processes on ports of loopback that nobody else has.
//
// A node that ends without having been told to, or that a sanitizer complains about, fails the
// test.

#include "tests/e2e/client.hpp"
#include "tests/e2e/process.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace starling::e2e {

/// A free port, kept for this test until the object goes: a socket is bound to it, without
/// listening, so that only one that sets SO_REUSEADDR, as servers do, may listen there. For
/// datagrams it was free a moment ago; hardly anybody takes one by chance.
class reserved_port {
public:
  reserved_port();

  reserved_port(const reserved_port&) = delete;
  reserved_port& operator=(const reserved_port&) = delete;
  ~reserved_port();

  std::uint16_t number() const { return number_; }

  /// 127.0.0.1:PORT.
  std::string address() const;

private:
  int socket_ = -1;
  std::uint16_t number_ = 0;
};

/// One node, which may be started and ended many times and keeps its ports.
class node {
public:
  node(std::string name, std::vector<std::string> flags);
  ~node();

  node(const node&) = delete;
  node& operator=(const node&) = delete;

  /// Has a command start the process, such as {"nice", "-n", "1"}.
  void start_by(std::vector<std::string> command) { starter_ = std::move(command); }

  /// Starts the process; `wait_until_ready` says when it serves.
  void launch();
  testing::AssertionResult wait_until_ready();

  /// Both at once.
  testing::AssertionResult start();

  /// Ends it as a crash would.
  void crash();

  /// The status it ends with by itself; nothing if it still runs then.
  std::optional<int> wait(std::chrono::milliseconds deadline);

  /// Ends it with a signal that it may heed; its status, or nothing if it still runs then.
  std::optional<int> stop(int signal, std::chrono::milliseconds deadline);

  /// Sends it a signal.
  void signal(int number) { process_->signal(number); }

  /// What its process is known by to the system.
  pid_t id() const { return process_->id(); }

  /// Stops it where it is; it neither answers nor closes anything.
  void freeze();
  void thaw();

  bool is_running() { return process_ && process_->is_running(); }

  /// The memory that its process holds, in bytes; 0 if none runs.
  std::size_t resident_bytes() const;

  /// What this life of it wrote so far.
  std::string output() const { return process_->output(); }

  client http() const { return client{http_port_.number()}; }
  const reserved_port& http_port() const { return http_port_; }
  const reserved_port& peer_port() const { return peer_port_; }

  const std::string& name() const { return name_; }

  /// What it is started with, the program aside.
  std::vector<std::string> arguments() const;

  /// Takes the place of an earlier flag for the same option.
  void set_flag(const std::string& flag);

private:
  void bury();

  std::string name_;
  std::vector<std::string> flags_;
  std::vector<std::string> starter_;
  reserved_port http_port_;
  reserved_port peer_port_;
  std::unique_ptr<process> process_;
};

/// Nodes that know all of them as seeds and gossip often. They are in memory only, unless they are
/// told where to keep their data.
class cluster {
public:
  /// Starts nothing yet.
  explicit cluster(std::size_t size, const std::vector<std::string>& flags = {});

  /// Has each node keep its data on disk, in a folder of its name below this one.
  void keep_data_below(const std::string& folder);

  /// Starts all nodes, and waits until each knows each other as alive.
  testing::AssertionResult start();

  node& operator[](std::size_t index) { return nodes_.at(index); }
  std::size_t size() const { return nodes_.size(); }
  std::deque<node>& nodes() { return nodes_; }

  /// Whether each node shows each other one, once and as alive.
  testing::AssertionResult is_whole();

  /// Whether that value is what all nodes show now; see client::shown.
  testing::AssertionResult all_show(const std::string& target, const std::string& value);

  /// Whether they come to do so.
  testing::AssertionResult all_come_to_show(const std::string& target, const std::string& value);

  /// Whether all nodes show the same digest of all they have.
  testing::AssertionResult all_are_equal();

private:
  std::deque<node> nodes_;
};

/// Whether a node shows that value.
testing::AssertionResult shows(const node& n, const std::string& target, const std::string& value);

/// Whether it comes to do so.
testing::AssertionResult comes_to_show(const node& n, const std::string& target,
                                       const std::string& value);

/// The replica id under which a node numbers its events; "" if it does not answer.
std::string replica_id(const node& of);

/// A line of a node's GET /cluster.
struct member_shown {
  std::string name;
  std::string id;
  std::string address;
  std::string state;
};

/// The others that a node shows; none if it does not answer.
std::vector<member_shown> members_shown(const node& who);

/// The state in which a node's GET /cluster shows another, "" if it does not know it. States of
/// several records at that address are separated by a comma.
std::string state_of_peer(const node& who, const node& peer);

/// What `starlingd leave` does with a node's own options.
outcome tell_to_leave(const node& n);

} // namespace starling::e2e
