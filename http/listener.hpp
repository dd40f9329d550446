#pragma once

// A port that speaks HTTP/1.1: takes connections, reads whole requests, hands each to a handler and
// sends what it answers.
//
// One thread serves all connections and waits for none (connection_loop.hpp). The handler may
// block: it runs on threads that are given whole requests only, so a client holds one for no longer
// than its answer takes. Some requests may have threads of their own, which others cannot hold up.
// It is not meant to face strangers all the same.

#include "http/api/reply.hpp"
#include "http/api/request.hpp"
#include "http/connection_loop.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace httplib {
class ThreadPool;
}

namespace starling::http {

class listener {
public:
  struct settings {
    std::string host;                       // a name or an address, IPv6 without brackets
    std::uint16_t port = 0;                 // 0: any free one
    std::vector<std::size_t> threads = {8}; // of each lane
    /// By the target of a request, which lane it goes: requests of one wait for none of another.
    std::function<std::size_t(std::string_view target)> lane_of = [](std::string_view) {
      return std::size_t{0};
    };
    std::size_t connections_max = 4096;
    std::size_t body_bytes_max = 1 << 20;
    std::size_t bytes_max = 256 << 20; // of requests and answers at a time, and two bodies at least
    std::chrono::milliseconds silent_timeout{5'000};    // before the first byte
    std::chrono::milliseconds idle_timeout{5'000};      // between requests
    std::chrono::milliseconds transfer_timeout{10'000}; // of a head; otherwise without progress
    bool repeats_soon = false;   // what gets lost on the way to nodes (lossy_network.hpp)
    port_observer observer = {}; // called by the thread that serves the connections
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
  void dispatch(connection& c);
  void answer(connection& c);
  response call(const request& r) const;

  settings settings_;
  handler answer_;
  std::uint16_t port_ = 0;
  connection_loop loop_;
  std::vector<std::unique_ptr<httplib::ThreadPool>> lanes_;
  std::thread server_;
};

} // namespace starling::http
