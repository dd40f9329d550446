#pragma once

// From the bytes of one connection to its requests, one at a time.
//
// What comes behind a request stays for the next one. A pure state machine over read_head and
// body_reader: it knows no sockets and no clocks.

#include "http/api/body.hpp"
#include "http/api/head.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace starling::http {

class request_reader {
public:
  enum class progress : std::uint8_t {
    nothing, // of a next request has come
    in_head,
    in_body,
    whole, // asked() and body() are the request
  };

  explicit request_reader(std::size_t body_bytes_max) : body_bytes_max_(body_bytes_max) {}

  /// Reads on with these bytes. After a problem the connection has to be closed.
  result<progress> read(std::string_view bytes);

  /// Goes on to the next request.
  void next();

  /// What it is that the client ends here. Requires: in the head or the body of a request.
  problem cut_short() const;

  /// Whether the client waits to be told that it may send the body: true once.
  bool takes_expectation();

  /// The head of the request; empty before it has come whole.
  const head& asked() const { return head_; }

  const std::string& body() const { return body_.content(); }

  /// The memory that is held for the client.
  std::size_t bytes_held() const { return ahead_.size() + body().size(); }

private:
  result<progress> read_body();

  std::size_t body_bytes_max_;
  std::string ahead_;    // what was not read yet
  std::size_t seen_ = 0; // of it: no whole head
  bool has_head_ = false;
  bool expects_continue_ = false;
  head head_;
  body_reader body_;
};

} // namespace starling::http
