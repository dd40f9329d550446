#pragma once

// What a node can read, as it says of itself in its profile: the versions of the protocol between
// nodes, and the types of values with the newest format of each. So a later version can wait with
// something new until all members read it.
//
// A profile travels through members of all versions. What a member does not know of it, the member
// keeps and passes on as it is, so that it arrives whole wherever it goes.
//
//   fields (wire/fields.hpp): 1 range of versions: oldest u8, newest u8
//                             2 types of values, ascending: { type u8, newest format u8 }*

#include "wire/fields.hpp"
#include "wire/protocol.hpp"

#include <cstdint>
#include <vector>

namespace starling::membership {

/// Values of a type, up to that format. Numbers, for a member may read what this version does not
/// know.
struct readable {
  std::uint8_t type = 0;
  std::uint8_t format = 0;

  friend auto operator<=>(const readable&, const readable&) = default;
};

struct abilities {
  wire::protocol_range speaks = wire::spoken;
  std::vector<readable> values{};    // by type
  std::vector<wire::field> others{}; // by number: what only a later version knows

  friend bool operator==(const abilities&, const abilities&) = default;
};

/// All fields together are no larger, encoded.
inline constexpr std::size_t abilities_bytes_max = 240;

/// Whether they keep the bounds that every decoder checks.
bool is_valid(const abilities& a);

bool can_read(const abilities& a, std::uint8_t type, std::uint8_t format);

/// What both can. The range has no version (`oldest` above `newest`) if they share none.
abilities meet(const abilities& a, const abilities& b);

void encode(wire::writer& out, const abilities& a);
abilities decode_abilities(wire::reader& in);

} // namespace starling::membership
