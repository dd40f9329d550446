#pragma once

// Addresses of datagrams as the operating system knows them.

#include "membership/member.hpp"

#include <cstdint>
#include <optional>
#include <sys/socket.h>

namespace starling::system {

/// What a socket reaches: IPv4, IPv6, or both.
enum class address_family : std::uint8_t { v4, v6, both };

int to_native(address_family family);

/// Nothing if it is neither IPv4 nor IPv6.
std::optional<membership::udp_address> from_native(const sockaddr& address);

struct native_address {
  sockaddr_storage bytes{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&bytes); }
};

/// Nothing if a socket of that family cannot reach it.
std::optional<native_address> to_native(const membership::udp_address& address,
                                        address_family socket);

} // namespace starling::system
