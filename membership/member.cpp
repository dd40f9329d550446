#include "membership/member.hpp"

#include "wire/seal.hpp"

#include <algorithm>

namespace starling::membership {

namespace {

constexpr std::uint8_t version = 1;

// The address (at least "a:1"), the generation, both ids, and the lengths of three strings.
constexpr std::size_t member_bytes_min = 4 + 1 + 16 + 8 + 1 + 1;

std::array<char, 8> big_endian(std::uint64_t x) {
  std::array<char, 8> result{};
  for (std::size_t i = 0; i < 8; ++i)
    result[i] = static_cast<char>(x >> (56 - 8 * i));
  return result;
}

std::string_view view(const node_id& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

} // namespace

node_id node_id::from(std::uint64_t high, std::uint64_t low) {
  node_id id;
  std::ranges::copy(big_endian(high), id.bytes.begin());
  std::ranges::copy(big_endian(low), id.bytes.begin() + 8);
  return id;
}

std::string to_string(const node_id& id) {
  return wire::to_hex(view(id));
}

std::string to_string(const session_id& id) {
  const auto bytes = big_endian(id.bits);
  return wire::to_hex({bytes.data(), bytes.size()});
}

bool same_session(const member& a, const member& b) {
  return a.node == b.node && a.session == b.session;
}

bool is_valid(const member& record) {
  return parse_endpoint(record.address) && record.generation <= generation_max &&
         record.name.size() <= name_bytes_max && is_printable(record.name) &&
         (record.http_address.empty() || parse_endpoint(record.http_address));
}

void encode(wire::writer& out, const member& record) {
  out.bytes(record.address);
  out.varint(record.generation);
  out.raw(view(record.node));
  const auto session = big_endian(record.session.bits);
  out.raw({session.data(), session.size()});
  out.bytes(record.name);
  out.bytes(record.http_address);
}

member decode_member(wire::reader& in) {
  member record;
  record.address = in.bytes(address_bytes_max);
  record.generation = in.varint();
  const auto node = in.raw(record.node.bytes.size());
  std::ranges::copy(node, record.node.bytes.begin());
  for (const char byte : in.raw(8))
    record.session.bits = (record.session.bits << 8) | static_cast<std::uint8_t>(byte);
  record.name = in.bytes(name_bytes_max);
  record.http_address = in.bytes(address_bytes_max);
  if (in.ok() && !is_valid(record))
    in.fail("not a record that a member writes");
  return record;
}

void encode(wire::writer& out, const announcement& said) {
  out.u8(version);
  encode(out, said.sender);
  out.varint(said.others.size());
  for (const auto& record : said.others)
    encode(out, record);
}

wire::decoded<announcement> decode_announcement(std::string_view bytes) {
  wire::reader in{bytes};
  if (in.u8() != version)
    in.fail("unknown version of the member list");
  announcement said;
  said.sender = decode_member(in);
  const auto count = in.count(member_bytes_min);
  if (count >= members_max)
    in.fail("too many members");
  if (in.ok())
    said.others.reserve(count);
  for (auto left = count; left > 0 && in.ok(); --left)
    said.others.push_back(decode_member(in));
  in.expect_end();
  if (!in.ok())
    return in.error();
  return said;
}

} // namespace starling::membership
