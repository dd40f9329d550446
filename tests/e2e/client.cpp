#include "tests/e2e/client.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace starling::e2e {

namespace {

timeval seconds(long count) {
  return {.tv_sec = count, .tv_usec = 0};
}

} // namespace

std::string answer::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

boost::json::value answer::json() const {
  boost::json::error_code error;
  auto value = boost::json::parse(body, error);
  return error ? nullptr : value;
}

std::string answer::member(std::string_view name) const {
  const auto value = json();
  const auto* object = value.if_object();
  const auto* found = object ? object->if_contains({name.data(), name.size()}) : nullptr;
  if (!found)
    return "";
  if (const auto* text = found->if_string())
    return {text->data(), text->size()};
  return boost::json::serialize(*found);
}

answer client::post(const std::string& target, const std::string& body) const {
  return send("POST", target, body, {{"Content-Type", "application/json"}});
}

answer client::put(const std::string& target, const std::string& body) const {
  return send("PUT", target, body, {{"Content-Type", "application/json"}});
}

answer client::send(const std::string& method, const std::string& target, const std::string& body,
                    const httplib::Headers& headers) const {
  httplib::Client http{"127.0.0.1", port_};
  http.set_url_encode(false);
  http.set_tcp_nodelay(true);
  http.set_read_timeout(10);
  httplib::Request request;
  request.method = method;
  request.path = target;
  request.headers = headers;
  request.body = body;
  const auto result = http.send(request);
  if (!result)
    return {.body = "no answer: " + httplib::to_string(result.error())};
  return {result->status, result->headers, result->body};
}

std::string client::shown(const std::string& target) const {
  const auto read = get(target);
  if (read.status != 200)
    return "status " + std::to_string(read.status) + (read.status == 0 ? ", " + read.body : "");
  const auto value = read.json();
  const auto* object = value.if_object();
  for (const auto* name : {"value", "values"})
    if (const auto* found = object ? object->if_contains(name) : nullptr)
      return boost::json::serialize(*found);
  return read.body;
}

std::string client::context(const std::string& target, std::string_view member) const {
  const auto value = get(target).json();
  boost::json::error_code error;
  const auto* found =
      value.find_pointer("/contexts/" + std::string{member}, error); // no member has a / or ~
  return found && found->is_string() ? found->as_string().c_str() : "";
}

raw_connection::raw_connection(std::uint16_t port) {
  socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto second = seconds(1);
  setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof second);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
    close(std::exchange(socket_, -1));
}

raw_connection::~raw_connection() {
  if (socket_ >= 0)
    close(socket_);
}

void raw_connection::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0)
      return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void raw_connection::finish() const {
  shutdown(socket_, SHUT_WR);
}

std::string raw_connection::receive(std::chrono::milliseconds silence) const {
  std::string text;
  char buffer[4096];
  pollfd readable{socket_, POLLIN, 0};
  while (text.size() < 64 * 1024 && poll(&readable, 1, static_cast<int>(silence.count())) > 0) {
    const auto size = recv(socket_, buffer, sizeof buffer, 0);
    if (size <= 0)
      break;
    text.append(buffer, static_cast<std::size_t>(size));
  }
  return text;
}

std::string raw_exchange(std::uint16_t port, std::string_view bytes) {
  const raw_connection connection{port};
  connection.send(bytes);
  connection.finish();
  return connection.receive(std::chrono::seconds{2});
}

} // namespace starling::e2e
