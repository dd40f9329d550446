#pragma once

// All connections of one port, served by one thread that waits for none of them.
//
// A client costs memory until its request has come whole; only then it is given to somebody who
// answers, and comes back with the answer. Whoever is slow or says nothing has a deadline, and goes
// first when there is no room for others. So clients that are idle, silent or slow hold up nobody.

#include "http/connection.hpp"
#include "http/waiting_list.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace starling::http {

/// What whoever owns a port is told about those that it does not serve.
struct port_observer {
  /// Somebody at this address was refused or closed. `reason` is one of a few fixed words.
  std::function<void(std::string_view reason, const std::string& address)> refused =
      [](std::string_view, const std::string&) {};
  /// So many connections are open now.
  std::function<void(std::size_t)> open = [](std::size_t) {};
};

class connection_loop {
public:
  using clock = std::chrono::steady_clock;

  struct settings {
    std::size_t connections_max;
    std::size_t body_bytes_max;
    std::size_t bytes_max;                    // of all requests and answers together
    std::chrono::milliseconds silent_timeout; // before the first byte
    std::chrono::milliseconds idle_timeout;   // between requests
    std::chrono::milliseconds
        transfer_timeout; // of a head; of a body or an answer without progress
  };

  /// Takes a request. Whoever does so writes an answer into the connection and calls `give_back`.
  using dispatcher = std::function<void(connection&)>;

  connection_loop(const settings& with, dispatcher answer, port_observer observer);

  connection_loop(const connection_loop&) = delete;
  connection_loop& operator=(const connection_loop&) = delete;
  ~connection_loop();

  /// Takes over a socket that listens. The reason if the system has no room for this.
  std::optional<std::string> open(int listening);

  /// Serves until `stop`, and then until the requests that had come are answered.
  void run();

  /// From any thread. Requires: open.
  void stop();

  /// The answer is written. From any thread, which must not touch the connection any more.
  void give_back(const connection& c);

  /// Whether connections are to be closed after their answer. From any thread.
  bool is_stopping() const { return stopping_; }

private:
  void accept_all(clock::time_point now);
  bool accept_one(clock::time_point now);
  void admit(int socket, const sockaddr_storage& from, clock::time_point now);
  bool make_room(clock::time_point now);
  void pause_accepting(clock::time_point now);
  void begin_to_stop(clock::time_point now);
  void take_back(clock::time_point now);
  void attend(connection& c, clock::time_point now);
  void receive(connection& c, clock::time_point now);
  void read_on(connection& c, std::string_view bytes, clock::time_point now);
  void send_on(connection& c, clock::time_point now);
  void drop_input(connection& c);
  void refuse(connection& c, const problem& what, clock::time_point now);
  void wait(connection& c, stage what, clock::time_point now, clock::time_point deadline);
  void end_overdue(clock::time_point now);
  void end_overdue(connection& c, clock::time_point now);
  void keep_within_memory(clock::time_point now);
  void count_bytes(connection& c);
  void close(connection& c);
  void close_refused(connection& c, std::string_view reason);
  connection* find(connection::number id);
  int milliseconds_to_wait(clock::time_point now) const;
  bool watch(int socket, connection::number id, std::uint32_t events, int operation) const;

  settings settings_;
  dispatcher answer_;
  port_observer observer_;
  std::atomic<bool> stopping_ = false;
  bool is_closing_ = false;
  int listening_ = -1;
  int events_ = -1;              // an epoll
  int stop_ = -1;                // becomes readable with the stop
  int given_back_[2] = {-1, -1}; // a pipe of numbers of connections
  std::optional<clock::time_point> accept_again_;
  connection::number next_;
  std::unordered_map<connection::number, std::unique_ptr<connection>> all_;
  waiting_list waiting_;
  std::size_t bytes_ = 0; // that all of them hold
  std::string buffer_;
};

} // namespace starling::http
