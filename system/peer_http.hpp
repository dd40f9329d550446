#pragma once

// One HTTP POST to a peer, with a bound on everything: the time it takes in all (but for the
// resolver's), the size of the answer's head and body. A peer that vanishes, stalls, trickles or
// sends garbage costs the caller this much and no more. cpp-httplib's client would do but for a
// line of any length that makes its regular expressions overflow the stack. Blocks, but gives up as
// soon as a stop is requested.
//
// A connection may be kept for the next POST to the same peer. Where packets get lost, opening one
// takes as long as all the rest.

#include "membership/endpoint.hpp"
#include "system/descriptor.hpp"
#include "wire/result.hpp"

#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>

namespace starling::system {

struct http_answer {
  int status = 0;
  std::string body;
};

/// Why there was no answer, for a log.
struct http_failure {
  std::string why;
};

/// The connection that a peer left open after its answer, if it did.
struct kept_connection {
  membership::endpoint to;
  system::descriptor socket;
  std::chrono::steady_clock::time_point until; // afterwards the peer may close it at any time
};

/// If `kept` is given, it is used where it leads to this peer, and replaced. A request that gets no
/// answer because the kept connection has ended is sent once more over a new one.
wire::result<http_answer, http_failure>
post(const membership::endpoint& to, const std::string& path, std::string_view body,
     std::chrono::milliseconds timeout, std::size_t answer_bytes_max,
     const std::stop_token& stop = {}, kept_connection* kept = nullptr);

} // namespace starling::system
