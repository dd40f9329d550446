#include "actors/swim_socket.hpp"

#include "actors/end_on_error.hpp"
#include "membership/packet.hpp"

#include <caf/send.hpp>
#include <caf/telemetry/metric_registry.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>

namespace starling::actors {

namespace {

// As many as come in while the actors are at something else for a moment.
constexpr std::size_t batch_max = 64;
constexpr int kernel_queue_bytes = 1 << 20;

caf::telemetry::int_counter* counter(caf::actor_system& sys, caf::string_view name,
                                     caf::string_view help, caf::string_view reason) {
  return sys.metrics()
      .counter_family("starling", name, {"reason"}, help, "1", true)
      ->get_or_add({{"reason", reason}});
}

} // namespace

/// Room for one batch.
class swim_socket::buffers {
public:
  struct batch {
    std::vector<datagram> items;
    std::size_t oversize = 0;
  };

  buffers() {
    for (std::size_t i = 0; i < batch_max; ++i) {
      parts_[i] = {bytes_[i].data(), bytes_[i].size()};
      heads_[i].msg_hdr.msg_name = &from_[i];
      heads_[i].msg_hdr.msg_iov = &parts_[i];
      heads_[i].msg_hdr.msg_iovlen = 1;
    }
  }

  /// Takes what is queued, one batch of it at most.
  batch receive(int socket) {
    for (auto& head : heads_) {
      head.msg_hdr.msg_namelen = sizeof from_[0];
      head.msg_hdr.msg_flags = 0;
    }
    batch result;
    const int count = ::recvmmsg(socket, heads_.data(), batch_max, MSG_DONTWAIT, nullptr);
    for (std::size_t i = 0; count > 0 && i < static_cast<std::size_t>(count); ++i) {
      if ((heads_[i].msg_hdr.msg_flags & MSG_TRUNC) != 0)
        ++result.oversize;
      else if (const auto from = system::from_native(reinterpret_cast<const sockaddr&>(from_[i])))
        result.items.push_back({*from, {bytes_[i].data(), heads_[i].msg_len}});
    }
    return result;
  }

private:
  std::array<std::array<char, membership::packet_bytes_max>, batch_max> bytes_{};
  std::array<iovec, batch_max> parts_{};
  std::array<sockaddr_storage, batch_max> from_{};
  std::array<mmsghdr, batch_max> heads_{};
};

swim_socket::swim_socket(caf::actor_system& sys, std::size_t waiting_max)
    : waiting_max_(waiting_max), stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      for_take_(std::make_unique<buffers>()) {
  const auto dropped = [&sys](caf::string_view reason) {
    return counter(sys, "swim.packets-dropped", "Datagrams of membership that were not taken in.",
                   reason);
  };
  dropped_oversize_ = dropped("oversize");
  dropped_overload_ = dropped("overload");
  const auto errors = [&sys](caf::string_view reason) {
    return counter(sys, "swim.send-errors", "Datagrams of membership that were not sent.", reason);
  };
  errors_too_large_ = errors("too-large");
  errors_no_room_ = errors("no-room");
  errors_unreachable_ = errors("unreachable");
}

swim_socket::~swim_socket() {
  stop();
}

std::optional<std::string> swim_socket::open(const membership::endpoint& where) {
  const auto failure = [&where](const char* why) {
    return "cannot listen for datagrams on " + where.host + " port " + std::to_string(where.port) +
           ": " + why;
  };
  if (stop_.number() < 0)
    return failure("no descriptor is left");
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICSERV | AI_PASSIVE;
  addrinfo* found = nullptr;
  if (const auto error =
          ::getaddrinfo(where.host.c_str(), std::to_string(where.port).c_str(), &hints, &found))
    return failure(::gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner{found, ::freeaddrinfo};

  system::descriptor socket{
      ::socket(found->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (socket.number() < 0)
    return failure(std::strerror(errno));
  family_ = system::address_family::v4;
  if (found->ai_family == AF_INET6) {
    const bool is_wildcard = membership::is_wildcard(where);
    const int only = is_wildcard ? 0 : 1;
    ::setsockopt(socket.number(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    family_ = is_wildcard ? system::address_family::both : system::address_family::v6;
  }
  ::setsockopt(socket.number(), SOL_SOCKET, SO_RCVBUF, &kernel_queue_bytes,
               sizeof kernel_queue_bytes);
  if (::bind(socket.number(), found->ai_addr, found->ai_addrlen) != 0)
    return failure(std::strerror(errno));
  socket_ = std::move(socket);
  return std::nullopt;
}

membership::udp_address swim_socket::address() const {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  ::getsockname(socket_.number(), reinterpret_cast<sockaddr*>(&bound), &size);
  return system::from_native(reinterpret_cast<const sockaddr&>(bound))
      .value_or(membership::udp_address{});
}

void swim_socket::start(membership_actor to) {
  thread_ = std::thread{[this, to = std::move(to)] { run(to); }};
}

void swim_socket::run(const membership_actor& to) {
  const auto room = std::make_unique<buffers>();
  pollfd waiting[] = {{socket_.number(), POLLIN, 0}, {stop_.number(), POLLIN, 0}};
  while (true) {
    if (::poll(waiting, 2, -1) < 0 && errno != EINTR && errno != ENOMEM)
      end_process("swim socket", std::string{"it cannot wait: "} + std::strerror(errno));
    if (waiting[1].revents != 0)
      return;
    auto batch = room->receive(socket_.number());
    dropped_oversize_->inc(static_cast<std::int64_t>(batch.oversize));
    const auto count = batch.items.size();
    if (count == 0)
      continue;
    if (waiting_->load() + count > waiting_max_) {
      dropped_overload_->inc(static_cast<std::int64_t>(count));
      continue;
    }
    waiting_->fetch_add(count);
    const std::shared_ptr<const void> token{
        nullptr, [all = waiting_, count](const void*) { all->fetch_sub(count); }};
    caf::anon_send(to, datagrams{std::chrono::steady_clock::now(), std::move(batch.items), token});
  }
}

void swim_socket::send(const membership::udp_address& to, std::string_view bytes) {
  if (socket_.number() < 0)
    return;
  const auto address = system::to_native(to, family_);
  if (!address)
    return count_errors(EAFNOSUPPORT);
  if (::sendto(socket_.number(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
               address->get(), address->size) < 0)
    count_errors(errno);
}

void swim_socket::count_errors(int error) {
  switch (error) {
  case EMSGSIZE:
    return errors_too_large_->inc();
  case EAGAIN:
  case ENOBUFS:
  case ENOMEM:
    return errors_no_room_->inc();
  default:
    return errors_unreachable_->inc();
  }
}

std::vector<datagram> swim_socket::take() {
  std::vector<datagram> result;
  if (socket_.number() < 0)
    return result;
  for (std::size_t i = 0; i < take_max / batch_max; ++i) {
    auto batch = for_take_->receive(socket_.number());
    dropped_oversize_->inc(static_cast<std::int64_t>(batch.oversize));
    if (batch.items.empty() && batch.oversize == 0)
      break;
    std::ranges::move(batch.items, std::back_inserter(result));
  }
  return result;
}

void swim_socket::stop() {
  if (!thread_.joinable())
    return;
  ::eventfd_write(stop_.number(), 1);
  thread_.join();
}

} // namespace starling::actors
