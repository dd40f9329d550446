#include "system/peer_http.hpp"

#include "system/lossy_network.hpp"
#include "wire/result.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <poll.h>
#include <span>
#include <string_view>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <utility>
#include <vector>

namespace starling::system {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t head_bytes_max = 16 * 1024;

// The system repeats the first packet of a connection only after a second, and then ever later.
// Where packets get lost a further socket is faster.
constexpr std::chrono::milliseconds attempt_interval{250};
constexpr std::size_t attempts_max = 4;

// A peer closes a connection that is idle for longer (http::listener).
constexpr std::chrono::seconds kept_for{4};

// What is sent over a kept connection and not acknowledged within this time goes over a new one.
constexpr unsigned kept_patience_ms = 1000;

/// Becomes readable once a stop is requested.
class stop_signal {
public:
  explicit stop_signal(const std::stop_token& stop)
      : token_(stop), event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        callback_(stop, [this] { ::eventfd_write(event_.number(), 1); }) {}

  int number() const { return event_.number(); }
  bool is_requested() const { return token_.stop_requested(); }

private:
  std::stop_token token_;
  system::descriptor event_;
  std::stop_callback<std::function<void()>> callback_;
};

/// A connection on which every wait ends at the deadline, or with a stop.
class connection {
public:
  connection(clock::time_point deadline, const std::stop_token& stop,
             system::descriptor open = system::descriptor{})
      : deadline_(deadline), stop_(stop), socket_(std::move(open)) {}

  /// Connects to one of the host's addresses; the reason if that fails.
  std::optional<std::string> open(const membership::endpoint& to) {
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    // The one wait without a bound of ours: the resolver has its own.
    if (const auto error =
            ::getaddrinfo(to.host.c_str(), std::to_string(to.port).c_str(), &wanted, &found))
      return "cannot resolve the name: " + std::string{::gai_strerror(error)};
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses{found, ::freeaddrinfo};
    auto left = 0;
    for (const auto* one = found; one; one = one->ai_next)
      ++left;
    std::string why;
    for (const auto* one = found; one; one = one->ai_next, --left) {
      const auto now = clock::now();
      const auto error = open(*one, now + (deadline_ - now) / left);
      if (error == 0)
        return std::nullopt;
      why = std::string{"cannot connect: "} + std::strerror(error);
    }
    return why;
  }

  /// Sends all of it, or as much as the peer wants before it answers.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto ready = wait(POLLIN | POLLOUT, deadline_);
      if ((ready & POLLOUT) == 0)
        return ready != 0;
      const auto sent = ::send(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent >= 0)
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      else if (errno != EINTR && errno != EAGAIN)
        return true; // it may have answered before it closed
    }
    return true;
  }

  /// Appends what comes, `bytes_max` bytes at most; false when nothing more does.
  bool receive(std::string& to, std::size_t bytes_max) {
    char buffer[16 * 1024];
    while (true) {
      if (wait(POLLIN, deadline_) == 0)
        return false;
      const auto got = ::recv(socket_.number(), buffer, std::min(sizeof buffer, bytes_max), 0);
      if (got > 0) {
        to.append(buffer, static_cast<std::size_t>(got));
        has_heard_ = true;
      }
      if (got >= 0 || (errno != EINTR && errno != EAGAIN))
        return got > 0;
    }
  }

  bool is_over() const { return clock::now() >= deadline_; }

  /// Whether the connection has ended before anything came.
  bool was_dead() const { return !has_heard_ && !is_over() && !stop_.is_requested(); }

  system::descriptor release() { return std::move(socket_); }

private:
  /// 0, or the number of the error. The first of several attempts that succeeds is the connection.
  int open(const addrinfo& to, clock::time_point until) {
    std::vector<system::descriptor> attempts;
    auto next = clock::now();
    while (true) {
      const auto now = clock::now();
      if (now >= until)
        return ETIMEDOUT;
      if (now >= next && attempts.size() < attempts_max) {
        next = now + attempt_interval;
        if (const auto error = begin(to, attempts); error != 0)
          return error;
      }
      const bool is_last = attempts.size() == attempts_max;
      const auto ready = wait(attempts, POLLOUT, is_last ? until : std::min(next, until));
      if (ready.is_stopped)
        return ETIMEDOUT;
      if (!ready.first)
        continue;
      int error = 0;
      socklen_t size = sizeof error;
      ::getsockopt(attempts[*ready.first].number(), SOL_SOCKET, SO_ERROR, &error, &size);
      if (error == 0)
        socket_ = std::move(attempts[*ready.first]);
      return error;
    }
  }

  /// Adds an attempt to connect; 0, or the number of the error.
  static int begin(const addrinfo& to, std::vector<system::descriptor>& attempts) {
    system::descriptor fresh{::socket(to.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (fresh.number() < 0)
      return errno;
    const int on = 1;
    ::setsockopt(fresh.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    repeat_lost_packets_soon(fresh.number());
    if (::connect(fresh.number(), to.ai_addr, to.ai_addrlen) != 0 && errno != EINPROGRESS)
      return errno;
    attempts.push_back(std::move(fresh));
    return 0;
  }

  /// What the socket is ready for; 0 if it is too late, or a stop is requested.
  short wait(short events, clock::time_point until) const {
    return wait({&socket_, 1}, events, until).events;
  }

  struct readiness {
    std::optional<std::size_t> first; // of the sockets that are ready for something
    short events = 0;                 // for what
    bool is_stopped = false;
  };

  readiness wait(std::span<const system::descriptor> sockets, short events,
                 clock::time_point until) const {
    using std::chrono::milliseconds;
    while (true) {
      const auto left = std::chrono::ceil<milliseconds>(until - clock::now()).count();
      if (left <= 0)
        return {};
      std::vector<pollfd> waiting;
      for (const auto& socket : sockets)
        waiting.push_back({socket.number(), events, 0});
      waiting.push_back({stop_.number(), POLLIN, 0});
      const auto ready = ::poll(waiting.data(), waiting.size(),
                                static_cast<int>(std::min<std::int64_t>(left, 60'000)));
      if (waiting.back().revents != 0 || (ready < 0 && errno != EINTR))
        return {.is_stopped = true};
      for (std::size_t i = 0; ready > 0 && i < sockets.size(); ++i)
        if (waiting[i].revents != 0)
          return {i, waiting[i].revents, false};
    }
  }

  clock::time_point deadline_;
  stop_signal stop_;
  system::descriptor socket_;
  bool has_heard_ = false;
};

std::string head_of(const membership::endpoint& to, const std::string& path, std::size_t size,
                    bool keeps_open) {
  const auto host = to.host.find(':') == std::string::npos ? to.host : "[" + to.host + "]";
  return "POST " + path + " HTTP/1.1\r\nHost: " + host + ":" + std::to_string(to.port) +
         "\r\nContent-Type: application/octet-stream\r\nContent-Length: " + std::to_string(size) +
         "\r\nConnection: " + (keeps_open ? "keep-alive" : "close") + "\r\n\r\n";
}

/// What the head of an answer says; nothing if it is none, or one that no peer sends.
struct answer_head {
  int status = 0;
  std::optional<std::size_t> length; // of the body; without it, the body ends with the connection
  bool closes = false;               // the connection afterwards
};

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number result{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return result;
}

std::optional<answer_head> parse_head(std::string_view head) {
  const auto line = head.substr(0, head.find("\r\n"));
  if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[8] != ' ')
    return std::nullopt;
  const auto status = number<int>(line.substr(9, 3));
  if (!status)
    return std::nullopt;
  answer_head result{*status, std::nullopt};
  head.remove_prefix(line.size());
  while (head.starts_with("\r\n")) {
    head.remove_prefix(2);
    const auto field = head.substr(0, head.find("\r\n"));
    head.remove_prefix(field.size());
    std::string name{field.substr(0, field.find(':'))};
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    if (name == "transfer-encoding")
      return std::nullopt;
    if (name == "connection")
      result.closes = true; // a peer of ours names it for nothing else
    if (name != "content-length" || field.size() == name.size())
      continue;
    auto value = field.substr(name.size() + 1);
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    const auto length = number<std::size_t>(value);
    if (!length || (result.length && *result.length != *length))
      return std::nullopt;
    result.length = length;
  }
  return result;
}

http_failure silence(const connection& peer) {
  return {peer.is_over() ? "no answer in time" : "it hung up without an answer"};
}

/// Sends a request and receives the answer; `kept` is given the connection if it stays open.
wire::result<http_answer, http_failure> exchange(connection& peer, std::string_view head,
                                                 std::string_view body,
                                                 std::size_t answer_bytes_max,
                                                 kept_connection* kept) {
  if (!peer.send(head) || !peer.send(body))
    return silence(peer);
  std::string received;
  auto end = std::string::npos;
  while ((end = received.find("\r\n\r\n")) == std::string::npos) {
    if (received.size() >= head_bytes_max)
      return http_failure{"the head of its answer is too large"};
    if (!peer.receive(received, head_bytes_max - received.size()))
      return silence(peer);
  }
  const auto answered = parse_head(std::string_view{received}.substr(0, end));
  if (!answered)
    return http_failure{"its answer is no HTTP of ours"};
  http_answer result{answered->status, received.substr(end + 4)};
  const auto wanted = answered->length.value_or(answer_bytes_max + 1);
  if ((answered->length && wanted > answer_bytes_max) || result.body.size() > wanted)
    return http_failure{"its answer is too large"};
  while (result.body.size() < wanted && peer.receive(result.body, wanted - result.body.size()))
    continue;
  if (result.body.size() > answer_bytes_max)
    return http_failure{"its answer is too large"};
  if (peer.is_over() || (answered->length && result.body.size() < wanted))
    return silence(peer);
  if (kept != nullptr && answered->length && !answered->closes) {
    kept->socket = peer.release();
    kept->until = clock::now() + kept_for;
  }
  return result;
}

/// The socket that was kept for a peer, if the peer has not closed it.
std::optional<system::descriptor> take(kept_connection& kept, const membership::endpoint& to) {
  auto socket = std::exchange(kept.socket, system::descriptor{});
  char next = 0;
  if (socket.number() < 0 || kept.to != to || clock::now() >= kept.until ||
      ::recv(socket.number(), &next, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN)
    return std::nullopt;
  ::setsockopt(socket.number(), IPPROTO_TCP, TCP_USER_TIMEOUT, &kept_patience_ms,
               sizeof kept_patience_ms);
  return socket;
}

} // namespace

wire::result<http_answer, http_failure> post(const membership::endpoint& to,
                                             const std::string& path, std::string_view body,
                                             std::chrono::milliseconds timeout,
                                             std::size_t answer_bytes_max,
                                             const std::stop_token& stop, kept_connection* kept) {
  const auto deadline = clock::now() + timeout;
  const auto head = head_of(to, path, body.size(), kept != nullptr);
  if (kept != nullptr) {
    auto open = take(*kept, to);
    kept->to = to;
    if (open) {
      connection peer{deadline, stop, std::move(*open)};
      auto outcome = exchange(peer, head, body, answer_bytes_max, kept);
      if (std::holds_alternative<http_answer>(outcome) || !peer.was_dead())
        return outcome;
    }
  }
  connection peer{deadline, stop};
  if (auto why = peer.open(to))
    return http_failure{std::move(*why)};
  return exchange(peer, head, body, answer_bytes_max, kept);
}

} // namespace starling::system
