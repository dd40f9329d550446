#include "http/body.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>

namespace starling::http {

namespace {

constexpr std::size_t line_bytes_max = 1024;
constexpr std::size_t piece_bytes = 16 * 1024;
constexpr int trailers_max = 16;

problem malformed(std::string why) {
  return {problem_code::bad_request, std::move(why), {}};
}

problem too_large(std::size_t bytes_max) {
  return {problem_code::body_too_large, "the limit is " + std::to_string(bytes_max) + " bytes", {}};
}

/// The whole text as an unsigned number; the largest there is if it is larger.
std::optional<std::uint64_t> number(std::string_view text, int base) {
  std::uint64_t result = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result, base);
  if (text.empty() || end != text.data() + text.size() || error == std::errc::invalid_argument)
    return std::nullopt;
  return error == std::errc::result_out_of_range ? UINT64_MAX : result;
}

bool is_chunked(std::string_view coding) {
  return std::ranges::equal(coding, std::string_view{"chunked"}, {},
                            [](unsigned char c) { return std::tolower(c); });
}

bool append(connection& in, std::string& to, std::size_t size) {
  while (size > 0) {
    const auto at = to.size();
    const auto piece = std::min(size, piece_bytes); // memory follows what has really arrived
    to.resize(at + piece);
    const auto got = in.read(to.data() + at, piece);
    if (got <= 0)
      return false;
    to.resize(at + static_cast<std::size_t>(got));
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

/// A line without its CR LF.
std::optional<std::string> read_line(connection& in) {
  std::string line;
  while (line.size() <= line_bytes_max) {
    if (!append(in, line, 1))
      return std::nullopt;
    if (line.ends_with("\r\n"))
      return line.substr(0, line.size() - 2);
  }
  return std::nullopt;
}

std::variant<std::string, problem> read_chunks(connection& in, std::size_t bytes_max) {
  std::string body;
  while (true) {
    const auto line = read_line(in);
    const auto size =
        line ? number(line->substr(0, line->find_first_of("; \t")), 16) : std::nullopt;
    if (!size)
      return malformed("a chunk has no size");
    if (*size == 0)
      break;
    if (*size > bytes_max - body.size())
      return too_large(bytes_max);
    if (!append(in, body, static_cast<std::size_t>(*size)) || read_line(in) != "")
      return malformed("a chunk is not as long as it says");
  }
  for (int i = 0; i < trailers_max; ++i) {
    const auto trailer = read_line(in);
    if (!trailer)
      break;
    if (trailer->empty())
      return body;
  }
  return malformed("the last chunk does not end");
}

} // namespace

std::variant<std::string, problem> read_body(connection& in, const httplib::Request& head,
                                             bool expects_continue, std::size_t bytes_max) {
  const auto lengths = head.get_header_value_count("Content-Length");
  const auto codings = head.get_header_value_count("Transfer-Encoding");
  if (lengths + codings == 0)
    return std::string{};
  if (lengths + codings > 1)
    return malformed("the length of the body is given twice");
  std::optional<std::uint64_t> length;
  if (lengths == 1) {
    length = number(head.get_header_value("Content-Length"), 10);
    if (!length)
      return malformed("Content-Length is not a number");
    if (*length > bytes_max)
      return too_large(bytes_max);
  } else if (head.version != "HTTP/1.1" ||
             !is_chunked(head.get_header_value("Transfer-Encoding"))) {
    return malformed("the only transfer encoding is chunked, in HTTP/1.1");
  }
  if (expects_continue) {
    in.httplib::Stream::write("HTTP/1.1 100 Continue\r\n\r\n");
    if (!in.flush(connection::clock::now() + std::chrono::seconds{1}))
      return malformed("the client went away");
  }
  if (!length)
    return read_chunks(in, bytes_max);
  std::string body;
  if (!append(in, body, static_cast<std::size_t>(*length)))
    return malformed("the body is shorter than Content-Length");
  return body;
}

} // namespace starling::http
