#include "http/listener.hpp"

#include "http/reply_text.hpp"
#include "system/lossy_network.hpp"

#include <httplib.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace starling::http {

namespace {

constexpr int backlog = 1024;

/// Gives httplib's socket away.
class opener : public httplib::Server {
public:
  struct opened {
    int socket = -1;
    std::uint16_t port = 0;
  };

  opened open(const std::string& host, std::uint16_t port, bool repeats_soon) {
    // Its own default, SO_REUSEPORT, lets a second process share the port unnoticed.
    set_socket_options([repeats_soon](socket_t s) {
      const int on = 1;
      ::setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
      if (repeats_soon)
        system::repeat_lost_packets_soon(s);
    });
    set_tcp_nodelay(true); // accepted sockets inherit it
    const auto bound = port == 0 ? bind_to_any_port(host) : bind_to_port(host, port) ? port : -1;
    if (bound <= 0)
      return {};
    return {svr_sock_.exchange(-1), static_cast<std::uint16_t>(bound)};
  }
};

request request_of(const head& asked, std::string_view body) {
  request result{asked.method, asked.target, body};
  for (const auto& [name, value] : asked.fields)
    result.head.push_back({name, value});
  return result;
}

connection_loop::settings loop_settings(const listener::settings& with) {
  return {.connections_max = with.connections_max,
          .body_bytes_max = with.body_bytes_max,
          .bytes_max = std::max(with.bytes_max, 2 * with.body_bytes_max),
          .silent_timeout = with.silent_timeout,
          .idle_timeout = with.idle_timeout,
          .transfer_timeout = with.transfer_timeout};
}

} // namespace

listener::listener(settings with, handler answer)
    : settings_(std::move(with)), answer_(std::move(answer)),
      loop_(
          loop_settings(settings_), [this](connection& c) { dispatch(c); }, settings_.observer) {}

listener::~listener() {
  stop();
}

std::optional<std::string> listener::start() {
  errno = 0;
  const auto [socket, port] = opener{}.open(settings_.host, settings_.port, settings_.repeats_soon);
  const auto where = settings_.host + " port " + std::to_string(settings_.port) + ": ";
  if (socket < 0)
    return "cannot listen on " + where +
           (errno != 0 ? std::strerror(errno) : "there is no such address");
  ::fcntl(socket, F_SETFL, O_NONBLOCK);
  ::fcntl(socket, F_SETFD, FD_CLOEXEC);
  ::listen(socket, backlog); // httplib has called it before, with room for five
  port_ = port;
  if (const auto failure = loop_.open(socket))
    return "cannot serve " + where + *failure;
  for (const auto threads : settings_.threads)
    lanes_.push_back(std::make_unique<httplib::ThreadPool>(threads));
  server_ = std::thread{[this] { loop_.run(); }};
  return std::nullopt;
}

void listener::stop() {
  if (!server_.joinable())
    return;
  loop_.stop();
  server_.join(); // after all answers are sent
  for (const auto& lane : lanes_)
    lane->shutdown();
}

void listener::dispatch(connection& c) {
  const auto lane = settings_.lane_of(c.requests.asked().target);
  lanes_.at(lane)->enqueue([this, &c] { answer(c); });
}

void listener::answer(connection& c) {
  const auto& asked = c.requests.asked();
  const auto reply = call(request_of(asked, c.requests.body()));
  c.closes = !asked.keeps_open || loop_.is_stopping();
  const afterwards then{!c.closes,
                        std::chrono::floor<std::chrono::seconds>(settings_.idle_timeout)};
  c.write(reply_text(reply, asked, then, std::time(nullptr)));
  c.send(); // what is left, and what has failed, is seen to where the connection goes now
  loop_.give_back(c);
}

response listener::call(const request& r) const {
  try {
    return answer_(r);
  } catch (const std::exception&) {
    return reply_with(problem{problem_code::internal, "the request could not be answered"});
  }
}

} // namespace starling::http
