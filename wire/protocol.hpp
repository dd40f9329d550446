#pragma once

// Which versions of the protocol between nodes a program speaks.
//
// One number stands for all that nodes say to each other: packets, calls, messages. Each node tells
// which range of versions it reads and writes, and whoever writes to it writes the newest version
// that both have. So a cluster can be updated node by node. Most changes need no new version: what
// is a field can be skipped by those who do not know it (fields.hpp). A version is for what must be
// understood.
//
// What stays the same in all versions, for it comes before the range of the other side is known:
// the envelope, the head of a call, a challenge, the beginning of a list of members, a refusal.

#include "wire/bytes.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

namespace starling::wire {

struct protocol_range {
  std::uint8_t oldest = 0;
  std::uint8_t newest = 0;

  constexpr bool contains(std::uint8_t version) const {
    return oldest <= version && version <= newest;
  }
  friend auto operator<=>(const protocol_range&, const protocol_range&) = default;
};

/// What this program speaks. The first version with a range is 5; what nodes said before is of
/// another number, in packets, calls and lists of members.
inline constexpr protocol_range spoken{5, 5};

/// The versions that both speak; nothing if there are none.
constexpr std::optional<protocol_range> common(const protocol_range& a, const protocol_range& b) {
  const protocol_range both{std::max(a.oldest, b.oldest), std::min(a.newest, b.newest)};
  return both.oldest <= both.newest ? std::optional{both} : std::nullopt;
}

/// "5", or "5 to 7".
std::string to_string(const protocol_range& r);

void encode(writer& out, const protocol_range& r);

/// Refuses a range without a version.
protocol_range decode_protocol_range(reader& in);

} // namespace starling::wire
