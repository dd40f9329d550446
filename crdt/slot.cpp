#include "crdt/slot.hpp"

#include <array>
#include <cstddef>

namespace starling::crdt {

namespace {

constexpr std::uint16_t polynomial = 0x1021;

/// What each value of the higher byte adds to the sum.
constexpr auto table = [] {
  std::array<std::uint16_t, 256> result{};
  for (std::size_t byte = 0; byte < result.size(); ++byte) {
    auto sum = static_cast<std::uint16_t>(byte << 8);
    for (int bit = 0; bit < 8; ++bit)
      sum = static_cast<std::uint16_t>(sum << 1 ^ ((sum & 0x8000) != 0 ? polynomial : 0));
    result[byte] = sum;
  }
  return result;
}();

std::uint16_t crc16(std::string_view bytes) {
  std::uint16_t sum = 0;
  for (const auto c : bytes)
    sum = static_cast<std::uint16_t>(sum << 8 ^ table[(sum >> 8 ^ static_cast<unsigned char>(c))]);
  return sum;
}

/// The part of a name that counts.
std::string_view counted(std::string_view name) {
  const auto open = name.find('{');
  if (open == std::string_view::npos)
    return name;
  const auto close = name.find('}', open + 1);
  if (close == std::string_view::npos || close == open + 1)
    return name;
  return name.substr(open + 1, close - open - 1);
}

} // namespace

std::uint16_t slot_of(std::string_view name) {
  return crc16(counted(name)) % slots;
}

} // namespace starling::crdt
