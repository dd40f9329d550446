#pragma once

// The body of a request, read as its head says (RFC 9112, 6 and 7): by Content-Length, in chunks,
// or not at all.
//
// A pure state machine: bytes go in as they come. After a problem nobody knows where the next
// request begins, so the connection has to be closed. Chunk extensions and trailers are checked and
// dropped.

#include "http/api/head.hpp"
#include "http/api/problem.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starling::http {

class body_reader {
public:
  body_reader() = default; // no body

  body_reader(const framing& how, std::size_t bytes_max);

  /// Takes from the front of `bytes` what belongs to the body.
  wire::possible<problem> read(std::string_view& bytes);

  /// Whether the body is whole.
  bool is_done() const { return expected_ == part::nothing; }

  /// What it is that the client ends here, or has taken too long. Requires: not done.
  problem cut_short() const;

  /// What has come of the body so far.
  const std::string& content() const { return content_; }

private:
  enum class part : std::uint8_t { nothing, content, chunk_size, chunk, chunk_end, trailer };

  wire::possible<problem> read_line(std::string_view& bytes);
  wire::possible<problem> end_line();
  wire::possible<problem> begin_chunk(std::string_view line);
  void append(std::string_view& bytes);

  part expected_ = part::nothing;
  std::uint64_t left_ = 0; // of the content, or of the chunk
  std::size_t bytes_max_ = 0;
  std::size_t trailers_ = 0;
  bool too_large_ = false;
  std::string line_;
  std::string content_;
};

} // namespace starling::http
