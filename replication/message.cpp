#include "replication/message.hpp"

namespace starling::replication {

namespace {

constexpr std::uint8_t format_version = 2;

// A type, an empty name and a length; a version, a type and a counter of one entry, or a set that
// has seen one event.
constexpr std::size_t item_bytes_min = 3 + 2 + 19;

void put(wire::writer& out, session_id id) {
  for (int shift = 0; shift < 64; shift += 8)
    out.u8(static_cast<std::uint8_t>(id.value >> shift));
}

session_id get_session(wire::reader& in) {
  session_id id;
  for (int shift = 0; shift < 64; shift += 8)
    id.value |= std::uint64_t{in.u8()} << shift;
  return id;
}

void expect_version(wire::reader& in) {
  if (in.u8() != format_version)
    in.fail("unknown version of the gossip format");
}

void put(wire::writer& out, const std::vector<encoded_item>& items) {
  out.varint(items.size());
  for (const auto& [key, bytes] : items) {
    crdt::encode(out, key);
    out.bytes(bytes);
  }
}

std::vector<item> get_items(wire::reader& in) {
  std::vector<item> result;
  for (auto left = in.count(item_bytes_min); left > 0 && in.ok(); --left) {
    auto key = crdt::decode_key(in);
    auto part = crdt::value::decode(in.bytes());
    if (const auto* error = std::get_if<wire::decode_error>(&part)) {
      in.fail(error->what);
      break;
    }
    auto& value = std::get<crdt::value>(part);
    if (value.type() != key.type)
      in.fail("value of another type than its key");
    if (value.empty())
      in.fail("value without content");
    result.push_back({std::move(key), std::move(value)});
  }
  return result;
}

} // namespace

std::string encode(const message& m, const std::vector<encoded_item>& items) {
  wire::writer out;
  out.u8(format_version);
  put(out, m.from);
  put(out, m.to);
  out.varint(m.sequence);
  out.varint(m.acknowledged);
  out.u8(static_cast<std::uint8_t>(m.phase));
  put(out, items);
  return std::move(out).take();
}

wire::decoded<message> decode_message(std::string_view bytes) {
  wire::reader in{bytes};
  expect_version(in);
  message result;
  result.from = get_session(in);
  result.to = get_session(in);
  result.sequence = in.varint();
  result.acknowledged = in.varint();
  const auto phase = in.u8();
  if (phase > 2)
    in.fail("unknown phase of a round");
  result.phase = static_cast<replication::phase>(phase);
  result.items = get_items(in);
  in.expect_end();
  if (!in.ok())
    return in.error();
  return result;
}

std::string encode(const answer& a, const std::vector<encoded_item>& items) {
  wire::writer out;
  out.u8(format_version);
  put(out, a.from);
  put(out, a.to);
  out.varint(a.sequence);
  out.u8(static_cast<std::uint8_t>(a.verdict));
  out.varint(a.offer);
  put(out, items);
  return std::move(out).take();
}

wire::decoded<answer> decode_answer(std::string_view bytes) {
  wire::reader in{bytes};
  expect_version(in);
  answer result;
  result.from = get_session(in);
  result.to = get_session(in);
  result.sequence = in.varint();
  const auto verdict = in.u8();
  if (verdict < 1 || verdict > 2)
    in.fail("unknown verdict");
  result.verdict = static_cast<replication::verdict>(verdict);
  result.offer = in.varint();
  result.items = get_items(in);
  if (in.ok() && (result.offer == 0) != result.items.empty())
    in.fail("an offer without items, or items without an offer");
  in.expect_end();
  if (!in.ok())
    return in.error();
  return result;
}

} // namespace starling::replication
