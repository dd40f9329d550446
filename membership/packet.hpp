#pragma once

// The UDP packets between members, from bytes and to bytes.
//
//   version  kind  cluster (8)  node (16)  session (8)  incarnation  flags  health  counter
//   digest (8)  body: length, bytes  { part: kind, length (2), bytes }*  tag (16)
//
// A packet of another cluster, or of a version that this node does not speak, is refused before
// anything else of it is read; then the tag is checked, then the rest is parsed, once, without
// allocating. What a later version adds is skipped: flags, kinds of packets and of parts, and what
// follows in a body or in a part behind all that is known. The tag is an HMAC with the cluster's
// secret, or a checksum without one; counter and session make each packet unique.

#include "membership/member.hpp"
#include "wire/protocol.hpp"
#include "wire/result.hpp"
#include "wire/seal.hpp"

#include <string_view>
#include <variant>

namespace starling::membership {

/// No packet that we read is larger, whatever others are configured to send.
inline constexpr std::size_t packet_bytes_max = 1400;

enum class packet_kind : std::uint8_t {
  ping = 1,      // number, target: answer with an ack if the target is you
  ack = 2,       // number: of the ping
  ping_req = 3,  // number, target, its address, budget: ping it for me and pass the ack on
  nack = 4,      // number: of the ping_req: no ack yet, but I am alive
  gossip = 5,    // only parts
  gone = 6,      // number: of the ping: its target is not here, I am
  leave = 7,     // number: I leave; tell me that you know
  leave_ack = 8, // number
  refused = 9,   // number: what my clock shows; target: you, whose generation is far ahead of it
  unknown = 255  // of a later version: its header and its parts count, and nothing else; never sent
};

/// What every packet says of its sender.
struct packet_header {
  std::uint8_t version = wire::spoken.newest; // in which the packet is written
  packet_kind kind = packet_kind::gossip;
  node_id from;
  session_id session;
  incarnation at;
  bool settled = false;    // its table has not changed for a while
  bool leaving = false;    // or left
  bool calls_fail = false; // the receiver gets the sender's packets, and not its calls
  std::uint8_t health = 0;
  std::uint64_t counter = 0;
  std::uint64_t digest = 0; // of its table
};

/// Zero where the kind has none.
struct packet_body {
  std::uint64_t number = 0;
  node_id target;
  udp_address target_address;
  duration budget{0}; // milliseconds on the wire
};

enum class packet_error : std::uint8_t {
  malformed,
  unknown_version,
  foreign_cluster,
  not_authentic,
};

std::string_view to_string(packet_error e);

/// A packet that was found authentic; `parts` is a view into its bytes.
struct opened_packet {
  packet_header header;
  packet_body body;
  std::string_view parts;
};

/// Reads a packet of a version that is `spoken` here.
wire::result<opened_packet, packet_error>
open_packet(const wire::secret& s, const wire::tag& cluster, std::string_view bytes,
            const wire::protocol_range& spoken = wire::spoken);

/// Calls `see(member)` for each part that is a member; says whether all were well formed.
template <class Function>
bool for_each_member(std::string_view parts, Function see);

/// Writes one packet: begin, then any number of members that fit, then finish.
class packet_writer {
public:
  /// Appends to `out`. `limit` is for the whole packet.
  packet_writer(wire::writer& out, std::size_t limit) : out_(out), limit_(limit) {}

  void begin(const wire::tag& cluster, const packet_header& header, const packet_body& body);

  /// Adds a member if it fits. Without its profile only the status is written.
  bool add(const member& m, bool with_profile);

  void finish(const wire::secret& s);

private:
  wire::writer& out_;
  std::size_t limit_;
  std::size_t start_ = 0;
};

/// Purpose of the tags of packets.
inline constexpr std::string_view packet_purpose = "membership-packet";

namespace detail {
enum class part_kind : std::uint8_t { member = 1 };
} // namespace detail

template <class Function>
bool for_each_member(std::string_view parts, Function see) {
  wire::reader in{parts};
  while (in.ok() && in.remaining() > 0) {
    const auto kind = in.u8();
    const auto high = in.u8();
    const auto bytes = in.raw(static_cast<std::size_t>((high << 8) | in.u8()));
    if (kind != static_cast<std::uint8_t>(detail::part_kind::member) || !in.ok())
      continue;
    wire::reader part{bytes};
    const auto m = decode_member(part);
    if (!part.ok())
      return false;
    see(m);
  }
  return in.ok();
}

} // namespace starling::membership
