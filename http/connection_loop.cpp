#include "http/connection_loop.hpp"

#include "http/reply_text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace starling::http {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Numbers of what is no connection.
constexpr connection::number acceptor = 0;
constexpr connection::number stop_signal = 1;
constexpr connection::number answers = 2;
constexpr connection::number first_connection = 3;

constexpr std::size_t buffer_bytes = 64 * 1024;
constexpr std::size_t dropped_bytes_max = 16 << 20;
constexpr auto linger_time = seconds{1};
constexpr auto stop_time = seconds{1}; // to send the last answers
constexpr auto accept_pause = milliseconds{100};
constexpr int accepts_at_a_time = 64;
constexpr int accepts_at_the_end = 4096;
constexpr std::size_t refused_at_a_time = 64; // connections beyond the limit that are told so

} // namespace

connection_loop::connection_loop(const settings& with, dispatcher answer, port_observer observer)
    : settings_(with), answer_(std::move(answer)), observer_(std::move(observer)),
      next_(first_connection), buffer_(buffer_bytes, '\0') {}

connection_loop::~connection_loop() {
  for (const int one : {listening_, events_, stop_, given_back_[0], given_back_[1]})
    if (one >= 0)
      ::close(one);
}

std::optional<std::string> connection_loop::open(int listening) {
  listening_ = listening;
  events_ = ::epoll_create1(EPOLL_CLOEXEC);
  stop_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (events_ < 0 || stop_ < 0 || ::pipe2(given_back_, O_CLOEXEC) != 0 ||
      !watch(listening_, acceptor, EPOLLIN, EPOLL_CTL_ADD) ||
      !watch(stop_, stop_signal, EPOLLIN, EPOLL_CTL_ADD) ||
      !watch(given_back_[0], answers, EPOLLIN, EPOLL_CTL_ADD))
    return std::string{std::strerror(errno)};
  return std::nullopt;
}

void connection_loop::stop() {
  ::eventfd_write(stop_, 1);
}

void connection_loop::give_back(const connection& c) {
  const auto id = c.id();
  // All or nothing, for it is short; it waits only if thousands of others are there already.
  while (::write(given_back_[1], &id, sizeof id) < 0 && errno == EINTR) {
  }
}

void connection_loop::run() {
  std::array<epoll_event, 128> ready{};
  while (!is_closing_ || !all_.empty()) {
    const auto count = ::epoll_wait(events_, ready.data(), static_cast<int>(ready.size()),
                                    milliseconds_to_wait(clock::now()));
    const auto now = clock::now();
    for (int i = 0; i < count; ++i) {
      const auto id = ready[static_cast<std::size_t>(i)].data.u64;
      if (id == acceptor)
        accept_all(now);
      else if (id == stop_signal)
        begin_to_stop(now);
      else if (id == answers)
        take_back(now);
      else if (auto* c = find(id)) // it may have been closed to make room
        attend(*c, now);
    }
    end_overdue(now);
    keep_within_memory(now);
  }
}

int connection_loop::milliseconds_to_wait(clock::time_point now) const {
  auto next = waiting_.first_deadline();
  if (accept_again_)
    next = std::min(next.value_or(*accept_again_), *accept_again_);
  if (!next)
    return -1;
  const auto left = std::chrono::ceil<milliseconds>(*next - now).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

bool connection_loop::watch(int socket, connection::number id, std::uint32_t events,
                            int operation) const {
  epoll_event wanted{};
  wanted.events = events;
  wanted.data.u64 = id;
  return ::epoll_ctl(events_, operation, socket, &wanted) == 0;
}

connection* connection_loop::find(connection::number id) {
  const auto found = all_.find(id);
  return found == all_.end() ? nullptr : found->second.get();
}

// -- coming --

void connection_loop::accept_all(clock::time_point now) {
  for (int i = 0; i < accepts_at_a_time && listening_ >= 0 && accept_one(now); ++i) {
  }
}

/// False if there is nobody more, or no room for anybody.
bool connection_loop::accept_one(clock::time_point now) {
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  const int socket = ::accept4(listening_, reinterpret_cast<sockaddr*>(&from), &size,
                               SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (socket >= 0) {
    admit(socket, from, now);
    return true;
  }
  if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
    observer_.refused("no-descriptors", "");
    if (make_room(now))
      return true;
    pause_accepting(now);
    return false;
  }
  return errno != EAGAIN && errno != EBADF && errno != EINVAL;
}

/// The acceptor stays ready while nobody is accepted, so nobody may look at it.
void connection_loop::pause_accepting(clock::time_point now) {
  watch(listening_, acceptor, 0, EPOLL_CTL_MOD);
  accept_again_ = now + accept_pause;
}

void connection_loop::admit(int socket, const sockaddr_storage& from, clock::time_point now) {
  const bool has_room = all_.size() < settings_.connections_max || make_room(now);
  if (!has_room && all_.size() >= settings_.connections_max + refused_at_a_time) {
    connection gone{next_, socket, from, 0};
    observer_.refused("full", gone.address());
    return;
  }
  auto made = std::make_unique<connection>(next_, socket, from, settings_.body_bytes_max);
  auto& c = *all_.emplace(next_++, std::move(made)).first->second;
  observer_.open(all_.size());
  if (!watch(socket, c.id(), 0, EPOLL_CTL_ADD)) {
    close_refused(c, "no-descriptors");
  } else if (!has_room) {
    refuse(c, {problem_code::too_busy, "there are too many connections; come again", {}}, now);
  } else {
    wait(c, stage::silent, now, now + settings_.silent_timeout);
  }
}

bool connection_loop::make_room(clock::time_point now) {
  const auto least = waiting_.least_missed(now);
  if (!least)
    return false;
  close_refused(*find(*least), "full");
  return true;
}

// -- requests and answers --

void connection_loop::attend(connection& c, clock::time_point now) {
  switch (waiting_.find(c.id()).value_or(stage::busy)) {
  case stage::silent:
  case stage::idle:
  case stage::head:
  case stage::body:
    return receive(c, now);
  case stage::sending:
    return send_on(c, now);
  case stage::ending:
    return drop_input(c);
  case stage::busy:
    return;
  }
}

void connection_loop::receive(connection& c, clock::time_point now) {
  std::string_view bytes;
  switch (c.receive(buffer_, bytes)) {
  case connection::received::bytes:
    c.transfer.move(now, bytes.size());
    return read_on(c, bytes, now);
  case connection::received::nothing:
    return wait(c, *waiting_.find(c.id()), now, *waiting_.deadline(c.id()));
  case connection::received::end:
    break;
  }
  const auto what = waiting_.find(c.id());
  if (what == stage::head || what == stage::body)
    refuse(c, c.requests.cut_short(), now);
  else
    close(c);
}

void connection_loop::read_on(connection& c, std::string_view bytes, clock::time_point now) {
  auto outcome = c.requests.read(bytes);
  count_bytes(c);
  if (!outcome)
    return refuse(c, outcome.error(), now);
  const auto before = waiting_.find(c.id());
  switch (*outcome) {
  case request_reader::progress::nothing:
    if (before == stage::silent)
      return wait(c, stage::silent, now, *waiting_.deadline(c.id()));
    return wait(c, stage::idle, now,
                before == stage::idle ? *waiting_.deadline(c.id()) : now + settings_.idle_timeout);
  case request_reader::progress::in_head:
    return wait(c, stage::head, now,
                before == stage::head ? *waiting_.deadline(c.id())
                                      : now + settings_.transfer_timeout);
  case request_reader::progress::in_body:
    if (before != stage::body)
      c.transfer = transfer_rate{now, settings_.transfer_timeout};
    if (c.requests.takes_expectation()) {
      c.write("HTTP/1.1 100 Continue\r\n\r\n");
      if (!c.send())
        return close(c);
    }
    return wait(c, stage::body, now, c.transfer.deadline());
  case request_reader::progress::whole:
    waiting_.put(c.id(), stage::busy, now, now);
    return answer_(c);
  }
}

void connection_loop::take_back(clock::time_point now) {
  std::array<connection::number, 128> ids{};
  const auto size = ::read(given_back_[0], ids.data(), sizeof ids);
  const auto count = size > 0 ? static_cast<std::size_t>(size) / sizeof ids[0] : 0;
  for (std::size_t i = 0; i < count; ++i) {
    auto& c = *find(ids[i]);
    c.requests.next();
    c.closes |= stopping_;
    c.transfer = transfer_rate{now, settings_.transfer_timeout};
    c.take_progress();
    send_on(c, now);
  }
}

void connection_loop::send_on(connection& c, clock::time_point now) {
  if (!c.send())
    return close(c);
  c.transfer.move(now, c.take_progress());
  count_bytes(c);
  if (!c.is_sent()) {
    const auto deadline = c.transfer.deadline();
    return wait(c, stage::sending, now,
                is_closing_ ? std::min(deadline, now + stop_time) : deadline);
  }
  if (c.was_refused) { // a socket that is closed with bytes unread takes back the reply
    c.finish_sending();
    return wait(c, stage::ending, now, now + linger_time);
  }
  if (c.closes)
    return close(c);
  read_on(c, {}, now);
}

void connection_loop::drop_input(connection& c) {
  std::string_view bytes;
  const auto got = c.receive(buffer_, bytes);
  c.dropped += bytes.size();
  if (got == connection::received::end || c.dropped > dropped_bytes_max)
    return close(c);
  watch(c.socket(), c.id(), EPOLLIN | EPOLLONESHOT, EPOLL_CTL_MOD);
}

/// Answers what is no request, or none that is taken. Where the next one begins is not known.
void connection_loop::refuse(connection& c, const problem& what, clock::time_point now) {
  observer_.refused(name_of(what.code), c.address());
  c.was_refused = true;
  c.closes = true;
  c.write(reply_text(reply_with(what), c.requests.asked(), {}, std::time(nullptr)));
  c.requests = request_reader{0}; // gives the memory back
  c.transfer = transfer_rate{now, settings_.transfer_timeout};
  send_on(c, now);
}

void connection_loop::wait(connection& c, stage what, clock::time_point now,
                           clock::time_point deadline) {
  if (is_closing_ && what != stage::sending)
    return close(c);
  waiting_.put(c.id(), what, now, deadline);
  const std::uint32_t events = what == stage::sending ? EPOLLOUT : EPOLLIN;
  watch(c.socket(), c.id(), events | EPOLLONESHOT, EPOLL_CTL_MOD);
}

// -- going --

void connection_loop::end_overdue(clock::time_point now) {
  if (accept_again_ && *accept_again_ <= now) {
    accept_again_.reset();
    watch(listening_, acceptor, EPOLLIN, EPOLL_CTL_MOD);
  }
  while (const auto id = waiting_.overdue(now))
    end_overdue(*find(*id), now);
}

void connection_loop::end_overdue(connection& c, clock::time_point now) {
  switch (*waiting_.find(c.id())) {
  case stage::silent:
    return close_refused(c, "silent");
  case stage::head:
    return refuse(c, {problem_code::request_timed_out, "the head has not come in time", {}}, now);
  case stage::body:
    return refuse(c, {problem_code::request_timed_out, "the body came too slowly", {}}, now);
  case stage::sending:
    c.transfer.move(now, c.take_progress());
    if (const auto deadline = c.transfer.deadline(); deadline > now && !is_closing_)
      return waiting_.put(c.id(), stage::sending, now, deadline);
    return close_refused(c, "slow-reader");
  case stage::idle:
  case stage::ending:
  case stage::busy:
    return close(c);
  }
}

/// Somebody who takes long makes room for those that do not.
void connection_loop::keep_within_memory(clock::time_point now) {
  while (bytes_ > settings_.bytes_max) {
    const auto id = waiting_.longest_transfer();
    if (!id)
      return;
    auto& c = *find(*id);
    if (waiting_.find(*id) == stage::sending)
      close_refused(c, "memory");
    else
      refuse(c, {problem_code::too_busy, "too much is being sent at the same time", {}}, now);
  }
}

void connection_loop::count_bytes(connection& c) {
  bytes_ -= std::exchange(c.bytes_counted, c.bytes_held());
  bytes_ += c.bytes_counted;
}

void connection_loop::close_refused(connection& c, std::string_view reason) {
  observer_.refused(reason, c.address());
  close(c);
}

void connection_loop::close(connection& c) {
  bytes_ -= c.bytes_counted;
  waiting_.remove(c.id());
  all_.erase(c.id());
  observer_.open(all_.size());
}

/// Requests that have come are answered, also those of clients that were not accepted yet.
void connection_loop::begin_to_stop(clock::time_point now) {
  for (int i = 0; i < accepts_at_the_end && accept_one(now); ++i) {
  }
  ::close(std::exchange(listening_, -1));
  watch(stop_, stop_signal, 0, EPOLL_CTL_DEL);
  accept_again_.reset();
  stopping_ = true;
  is_closing_ = true;
  std::vector<connection::number> open;
  for (const auto& [id, c] : all_)
    open.push_back(id);
  for (const auto id : open) {
    auto& c = *find(id);
    const auto what = waiting_.find(id);
    if (what == stage::sending)
      waiting_.put(id, stage::sending, now, now + stop_time);
    else if (what == stage::ending)
      close(c);
    else if (what != stage::busy)
      receive(c, now);
  }
}

} // namespace starling::http
