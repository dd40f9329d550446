#include "http/listener.hpp"

#include "http/body.hpp"
#include "http/connection.hpp"

#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace starling::http {

namespace {

// Other releases call their hooks in another order.
static_assert(std::string_view{CPPHTTPLIB_VERSION} == "0.11.4");

constexpr int backlog = 1024;
constexpr std::size_t waiting_max = 1024; // connections without a thread
constexpr std::size_t head_bytes_max = 16 * 1024;
constexpr auto retry_accept_after_ms = 10;

/// Gives httplib's socket away.
class opener : public httplib::Server {
public:
  struct opened {
    int socket = -1;
    std::uint16_t port = 0;
  };

  opened open(const std::string& host, std::uint16_t port) {
    // Its own default, SO_REUSEPORT, lets a second process share the port unnoticed.
    set_socket_options([](socket_t s) {
      const int on = 1;
      ::setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    });
    set_tcp_nodelay(true); // accepted sockets inherit it
    const auto bound = port == 0 ? bind_to_any_port(host) : bind_to_port(host, port) ? port : -1;
    if (bound <= 0)
      return {};
    return {svr_sock_.exchange(-1), static_cast<std::uint16_t>(bound)};
  }
};

/// Lets httplib read the heads and write the replies of one connection.
class codec : public httplib::Server {
public:
  codec(connection& client, const listener::settings& with, const listener::handler& answer)
      : client_(client), settings_(with), answer_(answer) {
    set_pre_routing_handler([this](const httplib::Request& head, httplib::Response& out) {
      fill(out, respond(head));
      return HandlerResponse::Handled;
    });
    set_error_handler([this](const httplib::Request&, httplib::Response& out) {
      if (out.body.empty()) // httplib could not read the head
        fill(out, refuse({problem_code::bad_request, "the head of the request is malformed", {}}));
    });
    set_post_routing_handler(
        [this](const httplib::Request&, httplib::Response& out) { finish(out); });
  }

  /// Answers one request; false if the connection has to be closed now.
  bool serve(bool last) {
    const auto now = connection::clock::now();
    client_.allow(now + settings_.transfer_timeout, head_bytes_max);
    bool closed = false;
    const bool answered = process_request(client_, last, closed,
                                          [this](httplib::Request& head) { head_is_read(head); });
    const auto sent = client_.flush(connection::clock::now() + settings_.transfer_timeout);
    if (lost_track_ && sent)
      client_.linger();
    return answered && sent && !closed && !lost_track_ && !last;
  }

private:
  /// Takes out of the head what httplib would act upon: it compresses, cuts ranges out of replies
  /// and asks for bodies that are too large.
  void head_is_read(httplib::Request& head) {
    expects_continue_ = head.has_header("Expect");
    head.headers.erase("Expect");
    head.headers.erase("Accept-Encoding");
    head.ranges.clear();
  }

  response respond(const httplib::Request& head) {
    if (head.version == "HTTP/1.1" && head.get_header_value_count("Host") != 1)
      return refuse({problem_code::bad_request, "a request has one Host", {}});
    client_.allow(connection::clock::now() + settings_.transfer_timeout, SIZE_MAX);
    const auto body = read_body(client_, head, expects_continue_, settings_.body_bytes_max);
    if (const auto* what = std::get_if<problem>(&body))
      return refuse(*what);
    return call(head, std::get<std::string>(body));
  }

  response call(const httplib::Request& head, std::string_view body) {
    request r{head.method, head.target, body};
    for (const auto& [name, value] : head.headers)
      r.head.push_back({name, value});
    try {
      return answer_(r);
    } catch (const std::exception&) {
      return reply_with(problem{problem_code::internal, "the request could not be answered", {}});
    }
  }

  /// The reply to something after which the next request cannot be found.
  response refuse(const problem& what) {
    lost_track_ = true;
    return reply_with(what);
  }

  static void fill(httplib::Response& out, const response& with) {
    out.status = with.status;
    if (!with.content_type.empty())
      out.set_content(with.body, std::string{with.content_type});
    for (const auto& [name, value] : with.headers)
      out.set_header(name, value);
  }

  void finish(httplib::Response& out) const {
    out.headers.erase("Accept-Ranges");
    out.headers.erase("Keep-Alive");
    if (lost_track_) {
      out.headers.erase("Connection");
      out.set_header("Connection", "close");
    }
    if (out.status == 204)
      out.headers.erase("Content-Length");
    out.set_header("Cache-Control", "no-store");
    char date[64];
    const auto now = std::time(nullptr);
    std::tm utc{};
    std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", ::gmtime_r(&now, &utc));
    out.set_header("Date", date);
  }

  connection& client_;
  const listener::settings& settings_;
  const listener::handler& answer_;
  bool expects_continue_ = false;
  bool lost_track_ = false; // of where the next request begins
};

} // namespace

listener::listener(settings with, handler answer)
    : settings_(std::move(with)), answer_(std::move(answer)),
      stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

listener::~listener() {
  stop();
  ::close(stop_);
}

std::optional<std::string> listener::start() {
  errno = 0;
  const auto [socket, port] = opener{}.open(settings_.host, settings_.port);
  // httplib has called listen before, with room for five.
  if (stop_ < 0 || socket < 0 || ::listen(socket, backlog) != 0) {
    const auto why = errno != 0 ? std::strerror(errno) : "there is no such address";
    if (socket >= 0)
      ::close(socket);
    return "cannot listen on " + settings_.host + " port " + std::to_string(settings_.port) + ": " +
           why;
  }
  ::fcntl(socket, F_SETFL, O_NONBLOCK);
  ::fcntl(socket, F_SETFD, FD_CLOEXEC);
  socket_ = socket;
  port_ = port;
  workers_ = std::make_unique<httplib::ThreadPool>(settings_.threads);
  acceptor_ = std::thread{[this] { accept_connections(); }};
  return std::nullopt;
}

void listener::stop() {
  if (!acceptor_.joinable())
    return;
  stopping_ = true;
  ::eventfd_write(stop_, 1);
  acceptor_.join();
  ::close(socket_);
  workers_->shutdown(); // after everything that it was given is done
}

void listener::accept_connections() {
  while (!stopping_) {
    pollfd waiting[] = {{socket_, POLLIN, 0}, {stop_, POLLIN, 0}};
    ::poll(waiting, 2, -1);
    const auto client = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) {
      if (errno != EAGAIN && errno != EINTR)
        ::poll(&waiting[1], 1, retry_accept_after_ms); // out of descriptors or memory
      continue;
    }
    if (stopping_ || open_ >= settings_.threads + waiting_max) {
      ::close(client);
      continue;
    }
    ++open_;
    workers_->enqueue([this, client] { serve(client); });
  }
}

void listener::serve(int socket) {
  {
    connection client{socket, stop_};
    codec one{client, settings_, answer_};
    bool open = true;
    while (open && client.wait_for_request(settings_.idle_timeout))
      open = one.serve(stopping_ || open_ > settings_.threads);
  }
  --open_;
}

} // namespace starling::http
