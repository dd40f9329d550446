#include "membership/endpoint.hpp"

#include <algorithm>
#include <charconv>

namespace starling::membership {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_name(std::string_view host) {
  return !host.empty() && std::ranges::all_of(host, [](char c) {
    return is_digit(c) || is_letter(c) || c == '-' || c == '.' || c == '_';
  });
}

bool is_ipv6(std::string_view host) {
  return std::ranges::count(host, ':') >= 2 && std::ranges::all_of(host, [](char c) {
           return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
                  c == '.';
         });
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc{} || stop != end || text.front() == '0')
    return std::nullopt;
  return port;
}

} // namespace

std::optional<endpoint> parse_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (text.size() > address_bytes_max || colon == std::string_view::npos)
    return std::nullopt;
  const auto port = parse_port(text.substr(colon + 1));
  auto host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed)
    host = host.substr(1, host.size() - 2);
  if (!port || !(bracketed ? is_ipv6(host) : is_name(host)))
    return std::nullopt;
  return endpoint{std::string{host}, *port};
}

bool is_wildcard(const endpoint& where) {
  return where.host == "0.0.0.0" || (where.host.find(':') != std::string::npos &&
                                     where.host.find_first_not_of("0:") == std::string::npos);
}

bool is_loopback(const endpoint& where) {
  // A name may begin like an address: 127.example.org is somewhere else.
  const bool dotted_127 = where.host.starts_with("127.") &&
                          std::ranges::count(where.host, '.') == 3 &&
                          where.host.find_first_not_of("0123456789.") == std::string::npos;
  return dotted_127 || where.host == "localhost" || where.host == "::1" ||
         where.host == "0:0:0:0:0:0:0:1";
}

} // namespace starling::membership
