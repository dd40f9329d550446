#include "bench/http_load.hpp"

#include <arpa/inet.h>
#include <charconv>
#include <netinet/tcp.h>
#include <optional>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace starling::bench {

namespace {

using clock = std::chrono::steady_clock;

/// A connected socket, or -1.
int connect_to(std::uint16_t port) {
  const int result = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(result, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(result, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0)
    return result;
  ::close(result);
  return -1;
}

bool send_whole(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0)
      return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::size_t number_at(std::string_view text) {
  std::size_t result = 0;
  std::from_chars(text.data(), text.data() + text.size(), result);
  return result;
}

/// The answer in the bytes received so far, once it is whole.
std::optional<http_answer> whole_answer(std::string_view in) {
  const auto head = in.find("\r\n\r\n");
  if (head == std::string_view::npos)
    return std::nullopt;
  constexpr std::string_view length_field = "\r\nContent-Length: ";
  const auto field = in.substr(0, head).find(length_field);
  const auto length =
      field == std::string_view::npos ? 0 : number_at(in.substr(field + length_field.size()));
  const auto body = in.substr(head + 4);
  if (body.size() < length)
    return std::nullopt;
  constexpr std::size_t status_at = 9; // behind "HTTP/1.1 "
  return http_answer{static_cast<int>(number_at(in.substr(status_at))),
                     std::string{body.substr(0, length)}};
}

/// Adds what has arrived; false at the end.
bool receive(int socket, std::string& in) {
  char buffer[16384];
  const auto size = ::recv(socket, buffer, sizeof buffer, 0);
  if (size <= 0)
    return false;
  in.append(buffer, static_cast<std::size_t>(size));
  return true;
}

class load {
public:
  load(std::uint16_t port, std::size_t connections, const requests& next, const load_end& end)
      : next_(next), end_(end), events_(::epoll_create1(EPOLL_CLOEXEC)) {
    for (std::size_t i = 0; i < connections; ++i) {
      const int socket = connect_to(port);
      if (socket < 0)
        break;
      all_.push_back({socket, {}});
    }
    for (std::size_t i = 0; i < all_.size(); ++i) {
      epoll_event wanted{.events = EPOLLIN, .data = {.u64 = i}};
      ::epoll_ctl(events_, EPOLL_CTL_ADD, all_[i].socket, &wanted);
    }
  }
  ~load() {
    for (const auto& one : all_)
      ::close(one.socket);
    ::close(events_);
  }
  load(const load&) = delete;
  load& operator=(const load&) = delete;

  load_result run() {
    begin_ = clock::now();
    for (auto& one : all_)
      send_next(one);
    while (busy_ > 0) {
      epoll_event ready[64];
      const int count = ::epoll_wait(events_, ready, std::size(ready), -1);
      for (int i = 0; i < count; ++i)
        go_on(all_[ready[i].data.u64]);
    }
    result_.seconds = std::chrono::duration<double>{clock::now() - begin_}.count();
    return result_;
  }

private:
  struct connection {
    int socket;
    std::string in;
  };

  void send_next(connection& one) {
    if (sent_ >= end_.count || clock::now() - begin_ >= end_.time)
      return;
    ++busy_;
    if (!send_whole(one.socket, next_(sent_++)))
      give_up(one);
  }

  void go_on(connection& one) {
    if (!receive(one.socket, one.in))
      return give_up(one);
    const auto answer = whole_answer(one.in);
    if (!answer)
      return;
    one.in.clear();
    ++(answer->status == 200 ? result_.acknowledged : result_.refused);
    --busy_;
    send_next(one);
  }

  void give_up(connection& one) {
    ++result_.unanswered;
    --busy_;
    ::epoll_ctl(events_, EPOLL_CTL_DEL, one.socket, nullptr);
  }

  const requests& next_;
  const load_end end_;
  const int events_;
  std::vector<connection> all_;
  clock::time_point begin_;
  std::uint64_t sent_ = 0;
  std::size_t busy_ = 0; // connections whose request is not answered
  load_result result_;
};

} // namespace

std::string get(const std::string& target) {
  return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
}

std::string post(const std::string& target, const std::string& body) {
  return "POST " + target + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

http_connection::http_connection(std::uint16_t port) : socket_(connect_to(port)) {}

http_connection::~http_connection() {
  if (socket_ >= 0)
    ::close(socket_);
}

http_answer http_connection::send(const std::string& request) {
  if (socket_ < 0 || !send_whole(socket_, request))
    return {};
  for (std::string in; receive(socket_, in);)
    if (auto answer = whole_answer(in))
      return std::move(*answer);
  return {};
}

load_result send_all(std::uint16_t port, std::size_t connections, const requests& next,
                     const load_end& end) {
  return load{port, connections, next, end}.run();
}

} // namespace starling::bench
