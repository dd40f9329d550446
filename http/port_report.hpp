#pragma once

// What operators learn of those who were not served at a port: a counter for each reason, and a log
// line now and then.
//
// Who is refused can be a stranger who sends as fast as the network allows, so lines have a bounded
// rate, and each says how many were refused since the one before.

#include "http/connection_loop.hpp"

#include <caf/actor_system.hpp>

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace starling::http {

/// Collects refusals into lines. Pure: the time comes in as an argument.
class refusal_digest {
public:
  using clock = std::chrono::steady_clock;

  static constexpr std::chrono::seconds interval{10};

  /// The line that is due: "3 refused (bad-request 2, silent 1), the last from 10.0.0.7".
  std::optional<std::string> add(std::string_view reason, const std::string& address,
                                 clock::time_point now);

private:
  std::map<std::string, std::size_t, std::less<>> counts_;
  std::optional<clock::time_point> said_;
};

/// Counts in the registry of the system and logs. `port` is "clients" or "peers".
port_observer report_port(caf::actor_system& sys, const std::string& port);

} // namespace starling::http
