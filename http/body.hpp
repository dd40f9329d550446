#pragma once

// The body of a request, read as its head says (RFC 9112, 6): by Content-Length, in chunks, or not
// at all.
//
// Nothing is guessed: a head that says it twice, or both ways, or unclearly, is refused. After a
// problem nobody knows where the next request begins, so the connection has to be closed.

#include "http/connection.hpp"
#include "http/problem.hpp"

#include <string>
#include <variant>

namespace starling::http {

/// Reads what `in` allows. `expects_continue`: the client waits to be told to send the body.
std::variant<std::string, problem> read_body(connection& in, const httplib::Request& head,
                                             bool expects_continue, std::size_t bytes_max);

} // namespace starling::http
