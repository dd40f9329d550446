#include "system/socket_address.hpp"

#include <algorithm>
#include <cstring>
#include <netinet/in.h>

namespace starling::system {

int to_native(address_family family) {
  switch (family) {
  case address_family::v4:
    return AF_INET;
  case address_family::v6:
    return AF_INET6;
  case address_family::both:
    return AF_UNSPEC;
  }
  return AF_UNSPEC;
}

std::optional<membership::udp_address> from_native(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    std::uint8_t ip[4];
    std::memcpy(ip, &in.sin_addr, sizeof ip);
    return membership::udp_address::v4(ip[0], ip[1], ip[2], ip[3], ntohs(in.sin_port));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &address, sizeof in);
    membership::udp_address result;
    std::memcpy(result.ip.data(), &in.sin6_addr, result.ip.size());
    result.port = ntohs(in.sin6_port);
    return result;
  }
  return std::nullopt;
}

std::optional<native_address> to_native(const membership::udp_address& address,
                                        address_family socket) {
  native_address result;
  if (socket == address_family::v4) {
    if (!address.is_v4())
      return std::nullopt;
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(address.port);
    std::memcpy(&out.sin_addr, address.ip.data() + 12, 4);
    std::memcpy(&result.bytes, &out, sizeof out);
    result.size = sizeof out;
    return result;
  }
  if (socket == address_family::v6 && address.is_v4())
    return std::nullopt;
  sockaddr_in6 out{};
  out.sin6_family = AF_INET6;
  out.sin6_port = htons(address.port);
  std::memcpy(&out.sin6_addr, address.ip.data(), address.ip.size());
  std::memcpy(&result.bytes, &out, sizeof out);
  result.size = sizeof out;
  return result;
}

} // namespace starling::system
