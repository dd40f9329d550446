#pragma once

// The head of a request, read strictly (RFC 9112, 2 to 7; RFC 9110, 5 to 10).
//
// This is the first code that looks at what a stranger sends, and it alone decides where a request
// ends and whether the connection stays open. Nothing is guessed or mended: what the RFC calls
// malformed is refused, so no two programs on the way can understand it differently. A pure
// function of the bytes that have come: it knows no sockets and no clocks.

#include "http/api/problem.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace starling::http {

/// Bounds of a head; what is beyond them is refused.
struct head_limits {
  static constexpr std::size_t first_line_bytes_max = 8192; // without its CR LF
  static constexpr std::size_t fields_bytes_max = 16 * 1024;
  static constexpr std::size_t fields_max = 100;
  static constexpr std::size_t empty_lines_max = 4; // before the first line
};

/// How the end of a body is found. Neither of the two: there is no body.
struct framing {
  std::optional<std::uint64_t> length; // the largest number there is if it is larger
  bool chunked = false;
};

struct head {
  std::string method;
  std::string target; // origin-form, never decoded, without the host of an absolute-form; or "*"
  bool is_http_1_0 = false;
  bool keeps_open = true; // the client does not ask for the connection to be closed
  bool expects_continue = false;
  framing body;
  /// Names in lower case, values as they came without white space around them.
  std::vector<std::pair<std::string, std::string>> fields;

  /// The values of all fields of that name, which is given in lower case, joined by ", ".
  std::optional<std::string> joined(std::string_view name) const;
};

/// The head has not come whole yet.
struct head_incomplete {
  bool begun = false; // more has come than empty lines
};

struct head_complete {
  head what;
  std::size_t size = 0; // of the bytes that it takes
};

using head_outcome = std::variant<head_incomplete, head_complete, problem>;

/// Reads the head that `bytes` begin with. `seen`: for so many of them the outcome is known to be
/// incomplete; without a new line feed or an exceeded limit behind them nothing is read again.
head_outcome read_head(std::string_view bytes, std::size_t seen = 0);

/// What is wrong with a line of fields or trailers, given without its CR LF, if anything is.
std::optional<std::string> complaint_about_field(std::string_view line);

/// Whether this can be a name (RFC 9110, 5.6.2).
bool is_token(std::string_view text);

} // namespace starling::http
