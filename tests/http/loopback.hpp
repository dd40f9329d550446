#pragma once

// What tests of whole doors share: a system with threads, and a client that asks over loopback.

#include "http/listener.hpp"
#include "node/service_actor.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <cstdint>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace starling::http {

/// Makes the types known to CAF before whatever is derived or declared after it.
struct with_types {
  with_types() { node::register_types(); }
};

/// A port that nobody listened on a moment ago; somebody else may be faster.
inline std::uint16_t find_free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  EXPECT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&at), size), 0);
  EXPECT_EQ(::getsockname(socket, reinterpret_cast<sockaddr*>(&at), &size), 0);
  ::close(socket);
  return ntohs(at.sin_port);
}

/// Calls `open` with the address of a free port until it says that it could open it.
template <class Open>
std::uint16_t open_free_port(Open open) {
  for (int tries = 0; tries < 20; ++tries) {
    const auto port = find_free_port();
    if (open("127.0.0.1:" + std::to_string(port)))
      return port;
  }
  ADD_FAILURE() << "no free port";
  return 0;
}

/// What came back: all of it, up to the end of the connection.
struct exchanged {
  int status = 0; // 0 if there was no reply
  std::string head;
  std::string body;
};

/// One request on a connection of its own. Reads give up after 20 seconds.
inline exchanged ask(std::uint16_t port, std::string_view method, std::string_view target,
                     std::string_view body = {}) {
  std::string text{method};
  text.append(" ").append(target).append(" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n");
  if (!body.empty())
    text.append("Content-Type: application/json\r\n");
  text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n");
  text.append(body);

  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  const timeval patience{20, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string in;
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 &&
      ::send(socket, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size())) {
    char buffer[4096];
    for (ssize_t size = 0; (size = ::recv(socket, buffer, sizeof buffer, 0)) > 0;)
      in.append(buffer, static_cast<std::size_t>(size));
  }
  ::close(socket);

  const auto head = in.find("\r\n\r\n");
  if (!in.starts_with("HTTP/1.1 ") || head == std::string::npos)
    return {};
  return {std::stoi(in.substr(9)), in.substr(0, head + 2), in.substr(head + 4)};
}

/// Actors on threads. What a test spawns through `track` is killed at its end.
class threaded_test : with_types, public testing::Test {
protected:
  threaded_test() : sys(config_) {}

  ~threaded_test() override {
    for (const auto& actor : tracked_)
      caf::anon_send_exit(actor, caf::exit_reason::kill);
  }

  template <class Handle>
  Handle track(Handle actor) {
    tracked_.push_back(caf::actor_cast<caf::strong_actor_ptr>(actor));
    return actor;
  }

private:
  struct config : caf::actor_system_config {
    config() { set("caf.scheduler.max-threads", 2u); }
  };

  config config_;

protected:
  caf::actor_system sys;

private:
  std::vector<caf::strong_actor_ptr> tracked_;
};

} // namespace starling::http
