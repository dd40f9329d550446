#pragma once

// host:port as written in configurations and member records: "node-0:9080", "127.0.0.1:9080" or
// "[::1]:9080". Only the shape is known here; nothing is resolved.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starling::membership {

struct endpoint {
  std::string host; // without brackets
  std::uint16_t port = 0;

  friend bool operator==(const endpoint&, const endpoint&) = default;
};

/// No address is longer.
inline constexpr std::size_t address_bytes_max = 255;

/// Reads "host:port". Nothing unless the host is a name, an IPv4 address or an IPv6 address in
/// brackets, and the port is a number from 1 to 65535 without leading zeros.
std::optional<endpoint> parse_endpoint(std::string_view text);

/// Whether the host means every address of the machine: 0.0.0.0 or ::.
bool is_wildcard(const endpoint& where);

/// Whether only this machine can reach the host: 127.x.y.z, ::1 or localhost.
bool is_loopback(const endpoint& where);

} // namespace starling::membership
