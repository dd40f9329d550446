#include "http/connection.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>

namespace starling::http {

connection::connection(number id, int socket, const sockaddr_storage& from,
                       std::size_t body_bytes_max)
    : requests(body_bytes_max), id_(id), socket_(socket), from_(from) {}

connection::~connection() {
  ::close(socket_);
}

std::string connection::address() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (from_.ss_family == AF_INET)
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(from_).sin_addr, text, sizeof text);
  else if (from_.ss_family == AF_INET6)
    ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(from_).sin6_addr, text,
                sizeof text);
  return text;
}

connection::received connection::receive(std::string& buffer, std::string_view& bytes) {
  while (true) {
    const auto size = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size > 0) {
      bytes = std::string_view{buffer}.substr(0, static_cast<std::size_t>(size));
      return received::bytes;
    }
    if (size < 0 && errno == EINTR)
      continue;
    return size < 0 && errno == EAGAIN ? received::nothing : received::end;
  }
}

void connection::write(std::string bytes) {
  out_ = std::move(bytes);
  sent_ = 0;
}

bool connection::send() {
  while (!is_sent()) {
    const auto size =
        ::send(socket_, out_.data() + sent_, out_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size >= 0)
      sent_ += static_cast<std::size_t>(size);
    else if (errno == EAGAIN)
      return true;
    else if (errno != EINTR)
      return false;
  }
  write({});
  return true;
}

std::size_t connection::take_progress() {
  int queued = 0;
  ::ioctl(socket_, SIOCOUTQ, &queued);
  const auto unsent = out_.size() - sent_ + static_cast<std::size_t>(queued);
  const auto before = std::exchange(unsent_, unsent);
  return before > unsent ? before - unsent : 0;
}

void connection::finish_sending() {
  ::shutdown(socket_, SHUT_WR);
}

} // namespace starling::http
