#pragma once

// A reply as it goes over the wire, written by cpp-httplib.
//
// The library is given a head that we have written ourselves, from what we have read: so it cannot
// understand a request in another way than we do, and acts upon nothing that a client has sent. Of
// the fields it sees none.

#include "http/api/head.hpp"
#include "http/api/reply.hpp"

#include <chrono>
#include <ctime>
#include <string>

namespace starling::http {

/// What becomes of the connection after the reply.
struct afterwards {
  bool stays_open = false;
  std::chrono::seconds idle_timeout{0}; // for how long, if no other request comes
};

/// The reply to a request with this head; an empty one stands for a request that was not
/// understood.
std::string reply_text(const response& what, const head& asked, const afterwards& then,
                       std::time_t now);

} // namespace starling::http
