#pragma once

// What the nodes of a cluster tell one another about a member, and how they say it.
//
// A record is made by the member that it describes and passed on by others as it is. The records of
// one address are totally ordered; the latest describes the process that lives there. Decoders
// refuse what no member can have written.

#include "membership/endpoint.hpp"
#include "wire/bytes.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace starling::membership {

/// Names a node: 128 random bits, drawn by the node itself and never used by another.
struct node_id {
  std::array<std::uint8_t, 16> bytes{};

  /// Makes an id of 128 bits that the caller drew at random.
  static node_id from(std::uint64_t high, std::uint64_t low);

  friend auto operator<=>(const node_id&, const node_id&) = default;
};

/// 32 hexadecimal digits.
std::string to_string(const node_id& id);

/// Names one run of a process: 64 bits drawn at random at its start and never stored.
struct session_id {
  std::uint64_t bits = 0;

  friend auto operator<=>(const session_id&, const session_id&) = default;
};

/// 16 hexadecimal digits.
std::string to_string(const session_id& id);

inline constexpr std::size_t name_bytes_max = 64;

/// No generation is higher: milliseconds since 1970 stay below 2^42 for a century, and what is left
/// is enough to be raised 2^61 times.
inline constexpr std::uint64_t generation_max = std::uint64_t{1} << 62;

/// Records of one address are ordered by generation, node and session; the rest only makes the
/// order total.
struct member {
  std::string address;          // host:port, how peers reach its cluster listener
  std::uint64_t generation = 0; // milliseconds since 1970 at its start, or raised above a rival's
  node_id node;
  session_id session;
  std::string name;         // for people; may be empty
  std::string http_address; // where clients reach it, for people; may be empty

  friend auto operator<=>(const member&, const member&) = default;
};

/// Whether two records speak of the same run of the same node.
bool same_session(const member& a, const member& b);

/// Whether a record keeps the bounds that every decoder checks: a host:port of printable ASCII,
/// the lengths, the generation.
bool is_valid(const member& record);

void encode(wire::writer& out, const member& record);
member decode_member(wire::reader& in);

/// What one side of a push/pull says: who it is, and whom else it knows.
struct announcement {
  member sender;
  std::vector<member> others;

  friend bool operator==(const announcement&, const announcement&) = default;
};

/// No announcement names more members, whatever a node's own limit is.
inline constexpr std::size_t members_max = 4096;

/// No announcement of a table of `members` (the sender among them) has more bytes.
constexpr std::size_t announcement_bytes_max(std::size_t members) {
  return 16 + members * (48 + 2 * address_bytes_max + name_bytes_max);
}

/// With a version byte; `decode_announcement` reads to the end of the input.
void encode(wire::writer& out, const announcement& said);
wire::decoded<announcement> decode_announcement(std::string_view bytes);

} // namespace starling::membership
