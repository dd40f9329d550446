#include "http/connection.hpp"

#include <algorithm>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace starling::http {

namespace {

constexpr auto linger_time = std::chrono::seconds{1};
constexpr std::size_t linger_bytes_max = 16 << 20;

} // namespace

connection::connection(int socket, int stop) : socket_(socket), stop_(stop) {}

connection::~connection() {
  ::close(socket_);
}

bool connection::wait_for_request(std::chrono::milliseconds idle_timeout) {
  allow(clock::now() + idle_timeout, 1);
  return begin_ < end_ || fill();
}

void connection::allow(clock::time_point deadline, std::size_t bytes_max) {
  deadline_ = deadline;
  allowed_ = bytes_max;
}

bool connection::flush(clock::time_point deadline) {
  std::string_view rest = out_;
  while (!rest.empty()) {
    const auto sent = ::send(socket_, rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0)
      rest.remove_prefix(static_cast<std::size_t>(sent));
    else if (errno != EINTR && (errno != EAGAIN || !wait(POLLOUT, deadline)))
      return false;
  }
  out_.clear();
  return true;
}

void connection::linger() {
  ::shutdown(socket_, SHUT_WR);
  deadline_ = clock::now() + linger_time;
  for (std::size_t dropped = 0; dropped < linger_bytes_max && fill();)
    dropped += end_;
}

ssize_t connection::read(char* to, size_t size) {
  const auto wanted = std::min(size, allowed_);
  if (wanted == 0 || (begin_ == end_ && !fill()))
    return -1;
  const auto given = std::min(wanted, end_ - begin_);
  std::copy_n(in_.data() + begin_, given, to);
  begin_ += given;
  allowed_ -= given;
  return static_cast<ssize_t>(given);
}

ssize_t connection::write(const char* from, size_t size) {
  out_.append(from, size);
  return static_cast<ssize_t>(size);
}

// Nobody asks where a request came from.
void connection::get_remote_ip_and_port(std::string&, int&) const {}
void connection::get_local_ip_and_port(std::string&, int&) const {}

/// Bytes that are already there go before a stop, and a reply under way gets a moment longer.
bool connection::wait(short events, clock::time_point deadline) const {
  using std::chrono::milliseconds;
  pollfd waiting[] = {{socket_, events, 0}, {stop_, POLLIN, 0}};
  nfds_t watched = 2;
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - clock::now()).count();
    if (left <= 0)
      return false;
    const auto ready =
        ::poll(waiting, watched, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (ready < 0 && errno != EINTR)
      return false;
    if (ready <= 0)
      continue;
    if (waiting[0].revents != 0)
      return true;
    if (events != POLLOUT)
      return false;
    watched = 1; // the stop stays readable
    deadline = std::min(deadline, clock::now() + linger_time);
  }
}

bool connection::fill() {
  while (true) {
    const auto size = ::recv(socket_, in_.data(), in_.size(), MSG_DONTWAIT);
    if (size > 0) {
      begin_ = 0;
      end_ = static_cast<std::size_t>(size);
      return true;
    }
    if (size == 0 || (errno != EINTR && (errno != EAGAIN || !wait(POLLIN, deadline_))))
      return false;
  }
}

} // namespace starling::http
