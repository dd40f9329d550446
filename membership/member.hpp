#pragma once

// What the nodes of a cluster say about a member: a CRDT.
//
// Two things are known of each node: its *status*, which others may claim, and its *profile*, which
// only the node itself writes. Each is a join-semilattice, and so is the pair: a status is the
// maximum by incarnation, then by alive < suspect < dead < left, and the accusers of one suspicion
// are a grow-only set; a profile is the maximum by the incarnation at which it was written. So one
// function joins what comes by packet, by push/pull or from a seed, in any order and any number of
// times. (SWIM, section 4.2, orders the same messages by rules; memberlist's let `dead` override
// `left`, so that its nodes disagree for ever.)
//
// Decoders refuse what no node can have written.

#include "membership/abilities.hpp"
#include "membership/endpoint.hpp"
#include "wire/bytes.hpp"
#include "wire/session_id.hpp"

#include <array>
#include <bit>
#include <chrono>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace starling::membership {

/// Time since any start, the same for all inputs of one value.
using duration = std::chrono::microseconds;

/// Names a node: 128 random bits, drawn by the node itself and never used by another.
struct node_id {
  std::array<std::uint8_t, 16> bytes{};

  /// Makes an id of 128 bits that the caller drew at random.
  static node_id from(std::uint64_t high, std::uint64_t low);

  // As by bytes, but two words at a time: tables are searched for each packet.
  friend bool operator==(const node_id& a, const node_id& b) { return (a <=> b) == 0; }
  friend std::strong_ordering operator<=>(const node_id& a, const node_id& b) {
    const auto first = a.word(0) <=> b.word(0);
    return first != 0 ? first : a.word(8) <=> b.word(8);
  }

private:
  std::uint64_t word(std::size_t begin) const {
    std::uint64_t result = 0;
    std::memcpy(&result, bytes.data() + begin, sizeof result);
    if constexpr (std::endian::native == std::endian::little)
      result = __builtin_bswap64(result);
    return result;
  }
};

/// 32 hexadecimal digits.
std::string to_string(const node_id& id);

using wire::session_id;

/// No generation is higher: milliseconds since 1970 stay below 2^42 for a century.
inline constexpr std::uint64_t generation_max = std::uint64_t{1} << 62;

/// Beyond this many refutations a node raises its generation instead.
inline constexpr std::uint32_t refutations_max = 65'535;

/// Orders what is said of a node. Only the node itself makes a new one.
struct incarnation {
  std::uint64_t generation = 0;  // milliseconds since 1970 at its start, or above a stored one
  std::uint32_t refutations = 0; // how often it has contradicted an accusation since

  /// The next one, for a refutation.
  incarnation next() const;

  friend auto operator<=>(const incarnation&, const incarnation&) = default;
};

/// "generation.refutations".
std::string to_string(const incarnation& i);

/// The numbers are those on the wire. Between them is room for states of later versions: see
/// `status`.
enum class member_state : std::uint8_t { alive = 16, suspect = 32, dead = 48, left = 64 };

/// "alive", "suspect", "dead" or "left".
std::string_view to_string(member_state s);

/// Who found that a node does not answer: the `capacity` lowest ids, so that joining stays
/// associative.
class accuser_set {
public:
  static constexpr std::size_t capacity = 8;

  /// Says whether the set changed.
  bool insert(const node_id& accuser);
  bool join(const accuser_set& other);

  bool contains(const node_id& accuser) const;
  std::size_t size() const { return size_; }
  void clear() { *this = {}; }
  std::span<const node_id> ids() const { return {ids_.data(), size_}; }

  friend bool operator==(const accuser_set&, const accuser_set&) = default;

private:
  std::array<node_id, capacity> ids_{}; // sorted; those beyond the size are zero
  std::uint8_t size_ = 0;
};

/// What is claimed of a node.
///
/// A later version may know more states, with numbers in between. Such a state is taken for the one
/// below: who is `out` to a later version, dead for good but not left, is dead here. The lower
/// neighbour is the careful one: nothing is concluded that the state above would allow, and the
/// node may contradict both alike. `beyond` keeps the number, so that the state is ordered and
/// passed on as its version has it.
struct status {
  incarnation at;
  member_state is = member_state::alive;
  accuser_set accusers{};  // of a suspicion; empty otherwise
  std::uint8_t beyond = 0; // so far above `is` is the number of the state

  friend bool operator==(const status&, const status&) = default;
};

/// Whether `a` says something that overrides `b`; accusers aside.
bool overrides(const status& a, const status& b);

/// Where packets go: an IPv6 address, or an IPv4 address as ::ffff:a.b.c.d, in network order.
struct udp_address {
  std::array<std::uint8_t, 16> ip{};
  std::uint16_t port = 0;

  static udp_address v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d,
                        std::uint16_t port);
  bool is_v4() const;

  /// Whether only this machine can reach it: 127.x.y.z or ::1.
  bool is_loopback() const;

  friend auto operator<=>(const udp_address&, const udp_address&) = default;
};

/// "127.0.0.1:9080" or "[hex:...]:9080".
std::string to_string(const udp_address& a);

inline constexpr std::size_t name_bytes_max = 64;

/// What a node says of itself. Addresses are attributes, not names: a node may move.
struct profile {
  incarnation written; // orders the profiles of a node
  session_id session;
  udp_address udp;
  std::string address;      // host:port of its cluster listener
  std::string name;         // for people; may be empty
  std::string http_address; // where clients reach it, for people; may be empty
  membership::abilities abilities{};

  friend bool operator==(const profile&, const profile&) = default;

  /// All versions order them alike, whatever they know of the abilities: by `written`, by session,
  /// then by their bytes.
  friend std::strong_ordering operator<=>(const profile& a, const profile& b);
};

/// Whether all of a text is printable ASCII, as names are.
bool is_printable(std::string_view text);

/// Whether a profile keeps the bounds that every decoder checks.
bool is_valid(const profile& p);

/// All that is known of a node. Without a profile it was only heard of; tables hold such records of
/// the dead only.
struct member {
  node_id id;
  membership::status status;
  std::optional<membership::profile> profile;

  friend bool operator==(const member&, const member&) = default;
};

/// What a join changed.
struct change {
  bool status = false;
  bool accusers = false;
  bool profile = false;

  bool any() const { return status || accusers || profile; }
};

/// Joins what somebody says into what is known. Requires: the same id.
change join(member& known, const member& said);
change join(status& known, const status& said);

/// Whether a join would change something.
bool brings_news(const member& known, const member& said);

/// 64 bits of a record for digests: of id, status without accusers, and the incarnation of the
/// profile, on which nobody has to agree once the node is dead or left.
std::uint64_t digest_of(const member& m);

void encode(wire::writer& out, const node_id& id);
void encode(wire::writer& out, const incarnation& i);
void encode(wire::writer& out, const udp_address& a);
void encode(wire::writer& out, const status& s);
void encode(wire::writer& out, const profile& p);

node_id decode_node_id(wire::reader& in);
incarnation decode_incarnation(wire::reader& in);
udp_address decode_udp_address(wire::reader& in);
status decode_status(wire::reader& in);
profile decode_profile(wire::reader& in);

/// An id, a status, and a profile if there is one. At most `member_bytes_max` bytes. Whatever a
/// later version adds is a field of the profile.
void encode(wire::writer& out, const member& m);
member decode_member(wire::reader& in);

inline constexpr std::size_t status_bytes_max = 10 + 3 + 1 + 1 + accuser_set::capacity * 16;
inline constexpr std::size_t profile_bytes_max = 10 + 3 + 8 + 18 + 2 + address_bytes_max + 1 +
                                                 name_bytes_max + 2 + address_bytes_max +
                                                 abilities_bytes_max;
inline constexpr std::size_t member_bytes_max = 16 + status_bytes_max + 1 + profile_bytes_max;

} // namespace starling::membership
