#pragma once

// HTTP as tests speak it: a client that behaves, and a bare connection for those that do not.

#include <boost/json.hpp>
#include <httplib.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace starling::e2e {

/// What a server answered.
struct answer {
  int status = 0; // 0 if there was none; `body` says why
  httplib::Headers headers;
  std::string body;

  /// The first header of that name, or nothing.
  std::string header(const std::string& name) const;

  /// The body, null if it is not JSON.
  boost::json::value json() const;

  /// A member of the body as text: a string's characters, anything else as compact JSON, "" if
  /// there is none.
  std::string member(std::string_view name) const;
};

/// Talks to a port on loopback, over a new connection for each request, from any thread. Targets go
/// out as they are.
class client {
public:
  explicit client(std::uint16_t port) : port_(port) {}

  answer get(const std::string& target) const { return send("GET", target); }
  answer post(const std::string& target, const std::string& body) const;
  answer put(const std::string& target, const std::string& body) const;

  /// Any request. A body goes with a length; an empty one without content type.
  answer send(const std::string& method, const std::string& target, const std::string& body = "",
              const httplib::Headers& headers = {}) const;

  /// What a read shows: the value of a counter or register or the members of a set, as compact
  /// JSON; else the status.
  std::string shown(const std::string& target) const;

  /// The context of a member of a set; "" if it is not there.
  std::string context(const std::string& target, std::string_view member) const;

  std::uint16_t port() const { return port_; }

private:
  std::uint16_t port_;
};

/// A connection over which anything can be sent.
class raw_connection {
public:
  explicit raw_connection(std::uint16_t port);

  raw_connection(const raw_connection&) = delete;
  raw_connection& operator=(const raw_connection&) = delete;
  ~raw_connection();

  bool is_open() const { return socket_ >= 0; }

  /// Sends as much as the other side takes within a second; it may close at any time.
  void send(std::string_view bytes) const;

  /// Tells the other side that nothing more will come.
  void finish() const;

  /// What comes until the other side closes, falls silent for that long, or has sent 64 KiB.
  std::string receive(std::chrono::milliseconds silence) const;

private:
  int socket_ = -1;
};

/// Sends bytes to a port, no more after them, and returns what comes back.
std::string raw_exchange(std::uint16_t port, std::string_view bytes);

} // namespace starling::e2e
