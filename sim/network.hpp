#pragma once

// A network that loses, repeats, delays, reorders and spoils what it carries, and that can be
// parted in any shape.
//
// It knows addresses and bytes, and nothing of who sends them or why. Each thing that is wrong with
// it is a *disturbance* of some links; those in force add up. Datagrams suffer from all of them.
// Streams, which stand for connections, repeat what is lost and so are late instead; only a cut
// stops them. What is under way when a link is cut is lost.

#include "sim/timeline.hpp"

#include <bitset>
#include <compare>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace starling::simulation {

inline constexpr std::size_t hosts_max = 512;
using host_set = std::bitset<hosts_max>;

/// A port of a machine. Requires: host < hosts_max.
struct address {
  std::uint16_t host = 0;
  std::uint16_t port = 0;

  friend auto operator<=>(const address&, const address&) = default;
};

/// Links from each host of the one set to each of the other.
struct links {
  host_set from;
  host_set to;
};

struct disturbance {
  std::vector<links> where; // empty: everywhere
  bool cut = false;
  bool spares_streams = false; // cut: datagrams only, as some firewalls do
  double loss = 0;
  double repeat = 0;
  double late = 0; // the share that comes up to `late_max` later, and so out of order
  duration late_max{0};
  double tail = 0;  // the share whose delay has a heavy tail
  double spoil = 0; // the share of which bits are flipped or the end is missing
};

struct datagram {
  address from;
  address to;
  std::shared_ptr<const std::string> bytes;
  std::uint64_t number = 0;         // the sender's mark; copies have the same
  bool spoiled = false;             // by the network
  std::shared_ptr<const void> note; // what the sender knows of it and the network does not
};

class network {
public:
  /// Delays are short and even until something is wrong.
  network(timeline& time, dice random) : time_(time), random_(random) {}

  /// Who takes what arrives. Requires: set before anything is sent.
  std::function<void(const datagram&)> receive;

  duration delay_min{200};
  duration delay_max{1500};

  /// Carries a datagram: `receive` is called once, never, or more often.
  void send(const datagram& d);

  /// Carries something over a connection: `arrive` is called once, or never if the link is cut.
  void send_stream(address from, address to, std::function<void()> arrive);

  /// From now on, until `end` of what is returned.
  std::uint64_t disturb(disturbance d);
  void end(std::uint64_t number) { disturbances_.erase(number); }

  bool is_cut(address from, address to, bool is_stream = false) const;

private:
  bool concerns(const disturbance& d, address from, address to) const;
  duration delay(address from, address to, bool is_stream);
  void carry(datagram d, duration after);

  timeline& time_;
  dice random_;
  std::map<std::uint64_t, disturbance> disturbances_;
  std::uint64_t last_ = 0;
};

/// Flips some bits, or cuts the end off. Requires: bytes are not empty.
std::string spoiled(std::string bytes, dice& random);

} // namespace starling::simulation
