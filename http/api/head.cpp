#include "http/api/head.hpp"

#include "http/api/field.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace starling::http {

namespace {

constexpr std::string_view line_end = "\r\n";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

problem malformed(std::string why) {
  return {problem_code::bad_request, std::move(why), {}};
}

problem bad_target(std::string why) {
  return {problem_code::bad_target, std::move(why), {}};
}

/// Calls `visit` for each member of a comma-separated list that is not empty.
template <class Visitor>
void for_each_member(std::string_view list, Visitor visit) {
  while (!list.empty()) {
    const auto raw = list.substr(0, list.find(','));
    if (const auto member = trim(raw); !member.empty())
      visit(member);
    list.remove_prefix(std::min(list.size(), raw.size() + 1));
  }
}

enum class line_fault : std::uint8_t { incomplete, too_long, bare_line_feed };

/// Takes a line of at most `bytes_max` bytes from the front, without its CR LF.
std::variant<std::string_view, line_fault> take_line(std::string_view& bytes,
                                                     std::size_t bytes_max) {
  const auto end = bytes.substr(0, bytes_max + line_end.size()).find('\n');
  if (end == std::string_view::npos)
    return bytes.size() > bytes_max + 1 ? line_fault::too_long : line_fault::incomplete;
  if (end == 0 || bytes[end - 1] != '\r')
    return line_fault::bare_line_feed;
  const auto line = bytes.substr(0, end - 1);
  bytes.remove_prefix(end + 1);
  return line;
}

/// The 1 of HTTP/1.1, nothing if this is no version.
std::optional<std::pair<char, char>> parse_version(std::string_view text) {
  if (text.size() != 8 || !text.starts_with("HTTP/") || !is_digit(text[5]) || text[6] != '.' ||
      !is_digit(text[7]))
    return std::nullopt;
  return std::pair{text[5], text[7]};
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto* end = text.data() + text.size();
  return text.empty() || (text.size() <= 5 && std::ranges::all_of(text, is_digit) &&
                          std::from_chars(text.data(), end, port).ptr == end && port <= 65535);
}

bool is_ip_literal(std::string_view text) {
  const auto zone = text.find('%');
  const auto address = text.substr(0, zone);
  const auto is_part = [](char c) { return is_hex_digit(c) || c == ':' || c == '.'; };
  const auto is_zone = [](char c) {
    return is_letter(c) || is_digit(c) || std::string_view{"%-._~"}.find(c) != std::string::npos;
  };
  return std::ranges::count(address, ':') >= 2 && std::ranges::all_of(address, is_part) &&
         (zone == std::string_view::npos || std::ranges::all_of(text.substr(zone), is_zone));
}

/// A name or an IPv4 address. A comma would be allowed, but it is what two joined Hosts look like.
bool is_host_name(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || !is_hex_digit(text[i + 1]) || !is_hex_digit(text[i + 2]))
        return false;
      i += 2;
    } else if (!is_letter(c) && !is_digit(c) &&
               std::string_view{"-._~!$&'()*+;="}.find(c) == std::string_view::npos) {
      return false;
    }
  }
  return !text.empty();
}

/// The value of Host, and what stands between "http://" and the path (RFC 3986, 3.2).
bool is_authority(std::string_view text) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos || !is_ip_literal(text.substr(1, end - 1)))
      return false;
    const auto rest = text.substr(end + 1);
    return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
  }
  const auto colon = text.find(':');
  return is_host_name(text.substr(0, colon)) &&
         (colon == std::string_view::npos || is_port(text.substr(colon + 1)));
}

/// The target in origin-form or "*", or why it is none (RFC 9112, 3.2).
result<std::string> read_target(std::string_view text, std::string_view method) {
  for (const char c : text)
    if (c == '#' || is_control(c))
      return bad_target("a target has neither '#' nor control characters; write them as %XX");
  if (text == "*" && method == "OPTIONS")
    return std::string{text};
  if (text.starts_with('/'))
    return std::string{text};
  const auto scheme = to_lower(text.substr(0, text.find("://")));
  if (scheme != "http" && scheme != "https")
    return bad_target("a target begins with '/' or http://");
  text.remove_prefix(std::min(text.size(), scheme.size() + 3));
  const auto authority = text.substr(0, text.find_first_of("/?"));
  if (!is_authority(authority))
    return bad_target("the host in the target is malformed");
  text.remove_prefix(authority.size());
  if (text.empty() && method == "OPTIONS")
    return std::string{"*"};
  return text.starts_with('/') ? std::string{text} : "/" + std::string{text};
}

wire::possible<problem> read_first_line(std::string_view line, head& to) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return malformed("a request begins with METHOD TARGET HTTP/1.1");
  const auto method = line.substr(0, first);
  const auto target = line.substr(first + 1, last - first - 1);
  const auto version = parse_version(line.substr(last + 1));
  if (!is_token(method) || !version || target.empty() ||
      target.find_first_of(" \t\r\n") != std::string_view::npos)
    return malformed("a request begins with METHOD TARGET HTTP/1.1");
  if (version->first != '1')
    return problem{problem_code::unknown_version, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
  constexpr std::array methods{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"};
  if (std::ranges::find(methods, method) == methods.end())
    return problem{problem_code::unknown_method, "no path here knows this method"};
  auto where = read_target(target, method);
  if (!where)
    return std::move(where).error();
  to.method = method;
  to.target = *std::move(where);
  to.is_http_1_0 = version->second == '0';
  return std::nullopt;
}

/// Where the body ends (RFC 9112, 6).
wire::possible<problem> read_framing(head& to) {
  const auto length = to.joined("content-length");
  const auto coding = to.joined("transfer-encoding");
  if (length && coding)
    return malformed("the length of the body is given twice");
  if (coding) {
    // A client that knows only HTTP/1.0 did not mean it; who else wrote it cannot be told.
    if (to.is_http_1_0 || to_lower(*coding) != "chunked")
      return malformed("the only transfer encoding is chunked, once, in HTTP/1.1");
    to.body.chunked = true;
  }
  if (length) {
    if (length->empty() || !std::ranges::all_of(*length, is_digit))
      return malformed("Content-Length is one number");
    std::uint64_t value = 0;
    const auto* end = length->data() + length->size();
    const auto error = std::from_chars(length->data(), end, value).ec;
    to.body.length = error == std::errc::result_out_of_range ? UINT64_MAX : value;
  }
  return std::nullopt;
}

void read_connection(head& to) {
  bool close = false;
  bool keep_alive = false;
  for_each_member(to.joined("connection").value_or(""), [&](std::string_view member) {
    const auto option = to_lower(member);
    close |= option == "close";
    keep_alive |= option == "keep-alive";
  });
  to.keeps_open = !close && (!to.is_http_1_0 || keep_alive);
}

/// A client of HTTP/1.0 knows no interim replies, so what it expects is ignored (RFC 9110, 10.1.1).
wire::possible<problem> read_expectations(head& to) {
  std::optional<problem> refused;
  for_each_member(to.joined("expect").value_or(""), [&](std::string_view member) {
    if (to_lower(member) == "100-continue")
      to.expects_continue = !to.is_http_1_0;
    else
      refused = problem{problem_code::expectation_failed, "only 100-continue can be expected"};
  });
  return refused;
}

wire::possible<problem> read_host(const head& what, std::size_t hosts) {
  if (hosts == 0 && what.is_http_1_0)
    return std::nullopt;
  if (hosts != 1)
    return malformed("a request has one Host");
  if (!is_authority(*what.joined("host")))
    return malformed("Host is malformed");
  return std::nullopt;
}

head_outcome refuse(line_fault fault, problem_code too_long, std::string why_too_long) {
  switch (fault) {
  case line_fault::incomplete:
    return head_incomplete{.begun = true};
  case line_fault::too_long:
    return problem{too_long, std::move(why_too_long)};
  case line_fault::bare_line_feed:
    break;
  }
  return malformed("a line ends with CR LF");
}

/// Whether reading again can tell more than the first `seen` bytes did.
bool is_worth_reading(std::string_view bytes, std::size_t seen) {
  return seen == 0 || bytes.size() > head_limits::first_line_bytes_max ||
         bytes.find('\n', seen) != std::string_view::npos;
}

} // namespace

std::optional<std::string> head::joined(std::string_view name) const {
  std::optional<std::string> result;
  for (const auto& [other, value] : fields)
    if (other == name)
      result = result ? *result + ", " + value : value;
  return result;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return is_letter(c) || is_digit(c) ||
           std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
  });
}

std::optional<std::string> complaint_about_field(std::string_view line) {
  if (line.starts_with(' ') || line.starts_with('\t'))
    return "a line goes on in the next one";
  const auto colon = line.find(':');
  if (colon == std::string_view::npos)
    return "a line has no colon";
  if (!is_token(line.substr(0, colon)))
    return "the name of a field has a character that no name has";
  for (const char c : line.substr(colon + 1))
    if (is_control(c) && c != '\t')
      return "the value of a field has a control character";
  return std::nullopt;
}

head_outcome read_head(std::string_view bytes, std::size_t seen) {
  if (!is_worth_reading(bytes, seen))
    return head_incomplete{.begun = true};
  auto rest = bytes;
  for (std::size_t lines = 0; rest.starts_with(line_end); rest.remove_prefix(line_end.size()))
    if (++lines > head_limits::empty_lines_max)
      return malformed("a request begins with METHOD TARGET HTTP/1.1");
  if (rest.empty() || rest == "\r")
    return head_incomplete{.begun = false};

  head result;
  const auto first = take_line(rest, head_limits::first_line_bytes_max);
  if (const auto* fault = std::get_if<line_fault>(&first))
    return refuse(*fault, problem_code::target_too_long,
                  "a first line has at most " + std::to_string(head_limits::first_line_bytes_max) +
                      " bytes");
  if (auto refused = read_first_line(std::get<std::string_view>(first), result))
    return std::move(*refused);

  auto left = head_limits::fields_bytes_max;
  std::size_t count = 0;
  std::size_t hosts = 0;
  while (true) {
    const auto before = rest.size();
    const auto taken = take_line(rest, left - std::min(left, line_end.size()));
    if (const auto* fault = std::get_if<line_fault>(&taken))
      return refuse(*fault, problem_code::head_too_large,
                    "the fields have at most " + std::to_string(head_limits::fields_bytes_max) +
                        " bytes");
    const auto line = std::get<std::string_view>(taken);
    if (line.empty())
      break;
    if (auto why = complaint_about_field(line))
      return malformed(std::move(*why));
    if (++count > head_limits::fields_max)
      return problem{problem_code::head_too_large,
                     "there are at most " + std::to_string(head_limits::fields_max) + " fields",
                     {}};
    left -= std::min(left, before - rest.size());
    const auto colon = line.find(':');
    auto name = to_lower(line.substr(0, colon));
    hosts += name == "host" ? 1 : 0;
    result.fields.emplace_back(std::move(name), trim(line.substr(colon + 1)));
  }

  if (auto refused = read_host(result, hosts))
    return std::move(*refused);
  if (auto refused = read_framing(result))
    return std::move(*refused);
  if (auto refused = read_expectations(result))
    return std::move(*refused);
  read_connection(result);
  return head_complete{std::move(result), bytes.size() - rest.size()};
}

} // namespace starling::http
