#pragma once

// A port that speaks HTTP/1.1: takes connections, reads whole requests, hands each to a handler and
// sends what it answers.
//
// A connection holds one of a fixed number of threads for as long as it is open; while more
// connections are open than there are threads, each is closed after its reply. cpp-httplib reads
// the heads and writes the replies; sockets, deadlines, bodies and threads are handled here,
// because its own server has no bounds that hold. It is not meant to face strangers all the same.

#include "http/reply.hpp"
#include "http/request.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace httplib {
class ThreadPool;
}

namespace starling::http {

class listener {
public:
  struct settings {
    std::string host;       // a name or an address, IPv6 without brackets
    std::uint16_t port = 0; // 0: any free one
    std::size_t threads = 8;
    std::size_t body_bytes_max = 1 << 20;
    std::chrono::milliseconds idle_timeout{5'000};      // between requests
    std::chrono::milliseconds transfer_timeout{10'000}; // of a whole request, or a whole reply
  };

  /// Answers one request; called from many threads at once. May block.
  using handler = std::function<response(const request&)>;

  listener(settings with, handler answer);

  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;
  ~listener();

  /// Opens the port; the reason if that fails. Requires: not started before.
  std::optional<std::string> start();

  /// The port that is open. Requires: started.
  std::uint16_t port() const { return port_; }

  /// Closes the port and all connections; requests whose handler is at work are answered first.
  /// Idempotent.
  void stop();

private:
  void accept_connections();
  void serve(int socket);

  settings settings_;
  handler answer_;
  std::uint16_t port_ = 0;
  int socket_ = -1;
  int stop_; // becomes readable, for ever
  std::atomic<bool> stopping_ = false;
  std::atomic<std::size_t> open_ = 0; // connections
  std::unique_ptr<httplib::ThreadPool> workers_;
  std::thread acceptor_;
};

} // namespace starling::http
