#pragma once

// Somebody on the network who sees some packets, can send from any address, and has no key.

#include "sim/membership/safety.hpp"
#include "sim/network.hpp"
#include "wire/seal.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace starling::simulation {

struct recorded_call {
  address to;
  membership::call_kind kind = membership::call_kind::sync;
  std::string content;
};

class attacker {
public:
  attacker(network& net, dice random) : net_(net), random_(random) {}

  /// Where it can be answered.
  static constexpr address home{hosts_max - 1, 666};

  /// A packet passes by; it keeps some.
  void sees(const datagram& d);

  /// A call was taken in by whom it was for.
  void sees(const recorded_call& c);

  /// Carries a call over HTTP to whoever is at its address.
  std::function<void(const recorded_call&)> call;

  /// Somebody answered it: it passes the answer on to whom it pretended to be.
  void is_answered(const datagram& d);

  /// Does one bad thing to one of these addresses.
  void strikes(const std::vector<address>& victims);

private:
  void send(datagram d, origin::kind is);
  void call_again(const std::vector<address>& victims);

  network& net_;
  dice random_;
  wire::secret other_key_{"starling", "a key that is not theirs"};
  std::vector<datagram> seen_;
  std::vector<recorded_call> calls_;
  std::optional<datagram> asked_;
  std::uint64_t forged_ = 0;
};

} // namespace starling::simulation
