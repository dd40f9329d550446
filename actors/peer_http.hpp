#pragma once

// One HTTP POST to a peer, with a bound on everything: the time it takes in all (but for the
// resolver's), the size of the answer's head and body. A peer that vanishes, stalls, trickles or
// sends garbage costs the caller this much and no more. cpp-httplib's client would do but for a
// line of any length that makes its regular expressions overflow the stack. Blocks, but gives up as
// soon as a stop is requested.

#include "membership/endpoint.hpp"

#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string>
#include <variant>

namespace starling::actors {

struct http_answer {
  int status = 0;
  std::string body;
};

/// Why there was no answer, for a log.
struct http_failure {
  std::string why;
};

std::variant<http_answer, http_failure> post(const membership::endpoint& to,
                                             const std::string& path, std::string body,
                                             std::chrono::milliseconds timeout,
                                             std::size_t answer_bytes_max,
                                             const std::stop_token& stop = {});

} // namespace starling::actors
