#pragma once

// The UDP socket of membership, on the same host and port as the cluster's listener: sends
// datagrams, and hands what comes in, in batches, to the membership actor.
//
// A thread of its own waits for datagrams. While too many of them wait for the actor, further ones
// are dropped, as the network would. Nothing here is fatal once the socket is open: whatever does
// not get through is counted (starling_swim_packets_dropped_total,
// starling_swim_send_errors_total).

#include "actors/interfaces.hpp"
#include "config/options.hpp"
#include "membership/endpoint.hpp"
#include "system/descriptor.hpp"
#include "system/socket_address.hpp"

#include <caf/actor_system.hpp>
#include <caf/telemetry/counter.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace starling::actors {

class swim_socket {
public:
  /// At most so many are taken at a time.
  static constexpr std::size_t take_max = 1024;

  /// At most `waiting_max` datagrams wait for the actor.
  explicit swim_socket(caf::actor_system& sys,
                       std::size_t waiting_max = config::cluster_options{}.max_datagrams);

  swim_socket(const swim_socket&) = delete;
  swim_socket& operator=(const swim_socket&) = delete;
  ~swim_socket();

  /// Opens the port; the reason if that fails.
  std::optional<std::string> open(const membership::endpoint& where);

  /// What it reaches. Requires: it is open.
  system::address_family family() const { return family_; }

  /// Where it is bound. Requires: it is open.
  membership::udp_address address() const;

  /// Hands over what comes in, from now on. Requires: it is open.
  void start(membership_actor to);

  /// Sends a datagram, if that is possible at once. From any thread.
  void send(const membership::udp_address& to, std::string_view bytes);

  /// What is queued and not handed over yet, up to `take_max`. From one thread.
  std::vector<datagram> take();

  /// Hands over nothing from now on. Idempotent.
  void stop();

private:
  class buffers;

  void run(const membership_actor& to);
  void count_errors(int error);

  caf::telemetry::int_counter* dropped_oversize_;
  caf::telemetry::int_counter* dropped_overload_;
  caf::telemetry::int_counter* errors_too_large_;
  caf::telemetry::int_counter* errors_no_room_;
  caf::telemetry::int_counter* errors_unreachable_;

  std::size_t waiting_max_;
  system::descriptor socket_;
  system::descriptor stop_; // becomes readable, for ever
  system::address_family family_ = system::address_family::v4;
  std::unique_ptr<buffers> for_take_;
  std::shared_ptr<std::atomic<std::size_t>> waiting_ =
      std::make_shared<std::atomic<std::size_t>>(0);
  std::thread thread_;
};

} // namespace starling::actors
