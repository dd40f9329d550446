#include "membership/packet.hpp"

#include "wire/result.hpp"

namespace starling::membership {

namespace {

constexpr std::size_t cluster_bytes = 8;
constexpr std::size_t tag_bytes = std::tuple_size_v<wire::tag>;
constexpr std::uint8_t flag_settled = 1;
constexpr std::uint8_t flag_leaving = 2;
constexpr std::uint8_t flag_calls_fail = 4;

std::string_view prefix(const wire::tag& cluster) {
  return {cluster.data(), cluster_bytes};
}

void put_word(wire::writer& out, std::uint64_t word) {
  for (int shift = 56; shift >= 0; shift -= 8)
    out.u8(static_cast<std::uint8_t>(word >> shift));
}

std::uint64_t get_word(wire::reader& in) {
  std::uint64_t word = 0;
  for (const char byte : in.raw(8))
    word = (word << 8) | static_cast<std::uint8_t>(byte);
  return word;
}

bool has_number(packet_kind k) {
  return k != packet_kind::gossip && k != packet_kind::unknown;
}

bool has_target(packet_kind k) {
  return k == packet_kind::ping || k == packet_kind::ping_req || k == packet_kind::refused;
}

packet_header decode_header(wire::reader& in, packet_kind kind) {
  packet_header h;
  h.kind = kind;
  h.from = decode_node_id(in);
  h.session = decode_session_id(in);
  h.at = decode_incarnation(in);
  const auto flags = in.u8();
  h.settled = (flags & flag_settled) != 0;
  h.leaving = (flags & flag_leaving) != 0;
  h.calls_fail = (flags & flag_calls_fail) != 0;
  h.health = in.u8();
  h.counter = in.varint();
  h.digest = get_word(in);
  return h;
}

packet_body decode_body(wire::reader& header, packet_kind kind) {
  packet_body b;
  wire::reader in{header.bytes()};
  if (has_number(kind))
    b.number = in.varint();
  if (has_target(kind))
    b.target = decode_node_id(in);
  if (kind == packet_kind::ping_req) {
    b.target_address = decode_udp_address(in);
    const auto budget = in.varint();
    if (budget > 3'600'000)
      in.fail("a budget of more than an hour");
    b.budget = std::chrono::milliseconds{in.ok() ? budget : 0};
  }
  if (!in.ok())
    header.fail(in.error().what);
  return b;
}

} // namespace

std::string_view to_string(packet_error e) {
  switch (e) {
  case packet_error::malformed:
    return "not a packet";
  case packet_error::unknown_version:
    return "of an unknown version";
  case packet_error::foreign_cluster:
    return "of another cluster";
  case packet_error::not_authentic:
    return "not authentic";
  }
  return "unknown";
}

wire::result<opened_packet, packet_error> open_packet(const wire::secret& s,
                                                      const wire::tag& cluster,
                                                      std::string_view bytes,
                                                      const wire::protocol_range& spoken) {
  if (bytes.size() < 2 + cluster_bytes + tag_bytes || bytes.size() > packet_bytes_max)
    return packet_error::malformed;
  const auto version = static_cast<std::uint8_t>(bytes[0]);
  if (!spoken.contains(version))
    return packet_error::unknown_version;
  if (bytes.substr(2, cluster_bytes) != prefix(cluster))
    return packet_error::foreign_cluster;
  const auto content = bytes.substr(0, bytes.size() - tag_bytes);
  if (!s.verify(packet_purpose, content, bytes.substr(content.size())))
    return packet_error::not_authentic;

  wire::reader in{content.substr(2 + cluster_bytes)};
  auto kind = static_cast<packet_kind>(bytes[1]);
  if (kind < packet_kind::ping)
    return packet_error::malformed;
  if (kind > packet_kind::refused)
    kind = packet_kind::unknown;
  opened_packet result{decode_header(in, kind), decode_body(in, kind), {}};
  result.header.version = version;
  if (!in.ok())
    return packet_error::malformed;
  result.parts = in.raw(in.remaining());
  return result;
}

void packet_writer::begin(const wire::tag& cluster, const packet_header& header,
                          const packet_body& body) {
  start_ = out_.size();
  out_.u8(header.version);
  out_.u8(static_cast<std::uint8_t>(header.kind));
  out_.raw(prefix(cluster));
  encode(out_, header.from);
  encode(out_, header.session);
  encode(out_, header.at);
  out_.u8(static_cast<std::uint8_t>((header.settled ? flag_settled : 0) |
                                    (header.leaving ? flag_leaving : 0) |
                                    (header.calls_fail ? flag_calls_fail : 0)));
  out_.u8(header.health);
  out_.varint(header.counter);
  put_word(out_, header.digest);
  out_.u8(0); // the length comes when it is known; no body has more than 127 bytes
  const auto body_begin = out_.size();
  if (has_number(header.kind))
    out_.varint(body.number);
  if (has_target(header.kind))
    encode(out_, body.target);
  if (header.kind == packet_kind::ping_req) {
    encode(out_, body.target_address);
    out_.varint(static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(body.budget).count()));
  }
  out_.set(body_begin - 1, static_cast<std::uint8_t>(out_.size() - body_begin));
}

bool packet_writer::add(const member& m, bool with_profile) {
  const auto before = out_.size();
  out_.u8(static_cast<std::uint8_t>(detail::part_kind::member));
  out_.u8(0); // the length comes when it is known
  out_.u8(0);
  const auto begin = out_.size();
  encode(out_, m.id);
  encode(out_, m.status);
  out_.u8(with_profile && m.profile ? 1 : 0);
  if (with_profile && m.profile)
    encode(out_, *m.profile);
  if (out_.size() - start_ + tag_bytes > limit_) {
    out_.truncate(before);
    return false;
  }
  const auto size = out_.size() - begin;
  out_.set(begin - 2, static_cast<std::uint8_t>(size >> 8));
  out_.set(begin - 1, static_cast<std::uint8_t>(size));
  return true;
}

void packet_writer::finish(const wire::secret& s) {
  const auto signature = s.sign(packet_purpose, out_.view().substr(start_));
  out_.raw({signature.data(), signature.size()});
}

} // namespace starling::membership
