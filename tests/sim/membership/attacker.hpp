#pragma once

// Somebody on the network who sees some packets, can send from any address, and has no key.

#include "tests/sim/membership/safety.hpp"
#include "tests/sim/network.hpp"
#include "wire/seal.hpp"

#include <optional>
#include <vector>

namespace starling::simulation {

class attacker {
public:
  attacker(network& net, dice random) : net_(net), random_(random) {}

  /// Where it can be answered.
  static constexpr address home{hosts_max - 1, 666};

  /// A packet passes by; it keeps some.
  void sees(const datagram& d);

  /// Somebody answered it: it passes the answer on to whom it pretended to be.
  void is_answered(const datagram& d);

  /// Does one bad thing to one of these addresses.
  void strikes(const std::vector<address>& victims);

private:
  void send(datagram d, origin::kind is);

  network& net_;
  dice random_;
  wire::secret other_key_{"starling", "a key that is not theirs"};
  std::vector<datagram> seen_;
  std::optional<datagram> asked_;
  std::uint64_t forged_ = 0;
};

} // namespace starling::simulation
