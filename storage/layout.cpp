#include "storage/layout.hpp"

#include "crdt/value_format.hpp"
#include "wire/bytes.hpp"

#include <algorithm>

namespace starling::storage {

namespace {

constexpr char head_letter = 'k';
constexpr char member_letter = 'm';
constexpr char entry_letter = 'e';
constexpr char first_lost_letter = 'a';
constexpr char second_lost_letter = 'z';
constexpr char node_letter = 'n';

constexpr std::size_t digest_bytes = 16;

void write_big_endian(wire::writer& out, std::uint64_t x) {
  for (int shift = 56; shift >= 0; shift -= 8)
    out.u8(static_cast<std::uint8_t>(x >> shift));
}

void write_digest(wire::writer& out, const replication::digest& d) {
  write_big_endian(out, d.high);
  write_big_endian(out, d.low);
}

std::uint64_t read_big_endian(wire::reader& in) {
  std::uint64_t result = 0;
  for (int i = 0; i < 8; ++i)
    result = result << 8 | in.u8();
  return result;
}

/// What all rows of a set but its head begin with.
wire::writer begin_row(char letter, const crdt::key& set) {
  wire::writer out;
  out.u8(static_cast<std::uint8_t>(letter));
  out.bytes(set.name);
  return out;
}

/// Reads on behind that.
std::optional<wire::reader> read_row(char letter, const crdt::key& set, std::string_view name) {
  wire::reader in{name};
  if (in.u8() != static_cast<std::uint8_t>(letter) || in.bytes(crdt::key_name_max) != set.name ||
      !in.ok())
    return std::nullopt;
  return in;
}

void write_member(wire::writer& out, const crdt::payload& member) {
  out.u8(static_cast<std::uint8_t>(member.kind));
  out.raw(member.data); // to the end of the name, so that rows stand in the order of members
}

std::optional<crdt::payload> read_member(wire::reader& in) {
  const auto kind = in.u8();
  if (kind < 1 || kind > 3)
    return std::nullopt;
  crdt::payload result{static_cast<crdt::payload_kind>(kind), std::string{in.raw(in.remaining())}};
  if (!in.ok())
    return std::nullopt;
  return result;
}

std::pair<std::string, std::string> all_of(std::string first) {
  auto end = after_all_of(first);
  return {std::move(first), std::move(end)};
}

std::pair<std::string, std::string> all_of(wire::writer out) {
  return all_of(std::move(out).take());
}

std::pair<std::string, std::string> all_of(char letter) {
  return all_of(std::string{letter});
}

} // namespace

std::string after_all_of(std::string_view prefix) {
  std::string result{prefix};
  while (!result.empty() && static_cast<unsigned char>(result.back()) == 0xff)
    result.pop_back();
  if (!result.empty())
    result.back() = static_cast<char>(static_cast<unsigned char>(result.back()) + 1);
  return result;
}

// -- heads --

std::string head_name(const crdt::key& key) {
  return heads_between(key.type, key.name).first;
}

std::optional<crdt::key> key_of_head(std::string_view name) {
  wire::reader in{name};
  const auto letter = in.u8();
  const auto type = in.u8();
  if (!in.ok() || letter != static_cast<std::uint8_t>(head_letter) || type == 0 ||
      in.remaining() > crdt::key_name_max)
    return std::nullopt;
  return crdt::key{static_cast<crdt::type>(type), std::string{in.raw(in.remaining())}};
}

std::string encode(const head& h) {
  wire::writer out;
  write_digest(out, h.digest);
  if (crdt::has_rows(h.value.type())) {
    out.varint(h.members);
    out.varint(h.dead);
    out.varint(h.footprint);
  }
  out.raw(h.value.encode());
  return std::move(out).take();
}

std::optional<head> decode_head(crdt::type type, std::string_view bytes) {
  wire::reader in{bytes};
  head result;
  result.digest.high = read_big_endian(in);
  result.digest.low = read_big_endian(in);
  if (crdt::has_rows(type)) {
    result.members = in.varint();
    result.dead = in.varint();
    result.footprint = in.varint();
  }
  auto value = crdt::value::decode(in.raw(in.remaining()));
  auto* decoded = std::get_if<crdt::value>(&value);
  if (!in.ok() || decoded == nullptr || decoded->type() != type)
    return std::nullopt;
  if (crdt::has_rows(type) && !decoded->as<crdt::or_set>().clocks().empty())
    return std::nullopt;
  result.value = std::move(*decoded);
  return result;
}

bool is_of_newer_format(crdt::type type, std::string_view head_row) {
  wire::reader in{head_row};
  read_big_endian(in);
  read_big_endian(in);
  if (crdt::has_rows(type))
    for (int size = 0; size < 3; ++size)
      in.varint();
  const auto format = in.u8();
  return in.ok() && format > crdt::value_format;
}

std::string without_digest(std::string_view head_row) {
  std::string result{head_row};
  std::fill_n(result.begin(), std::min<std::size_t>(result.size(), digest_bytes), '\0');
  return result;
}

std::optional<replication::digest> digest_of_head(std::string_view bytes) {
  wire::reader in{bytes};
  const auto high = read_big_endian(in);
  const auto low = read_big_endian(in);
  if (!in.ok())
    return std::nullopt;
  return replication::digest{high, low};
}

std::pair<std::string, std::string> heads_between(crdt::type type, std::string_view prefix) {
  wire::writer out;
  out.u8(static_cast<std::uint8_t>(head_letter));
  out.u8(static_cast<std::uint8_t>(type));
  out.raw(prefix);
  return all_of(std::move(out));
}

std::pair<std::string, std::string> all_heads() {
  return all_of(head_letter);
}

// -- members --

std::string member_name(const crdt::key& set, const crdt::payload& member) {
  return std::string{row_names{set}.member(member)};
}

std::optional<crdt::payload> member_of(const crdt::key& set, std::string_view name) {
  auto in = read_row(member_letter, set, name);
  return in ? read_member(*in) : std::nullopt;
}

std::string encode(const crdt::or_set::clock& clock) {
  wire::writer out;
  encode(out, clock);
  return std::move(out).take();
}

void encode(wire::writer& out, const crdt::or_set::clock& clock) {
  for (const auto& e : clock) {
    crdt::encode(out, e.replica);
    out.varint(e.number << 1 | (e.live ? 1 : 0));
  }
}

std::optional<crdt::or_set::clock> decode_clock(std::string_view bytes) {
  wire::reader in{bytes};
  crdt::or_set::clock result;
  while (in.ok() && in.remaining() > 0) {
    const auto replica = crdt::decode_replica_id(in);
    const auto coded = in.varint();
    if (coded < 2 || (!result.empty() && replica <= result.back().replica))
      return std::nullopt;
    result.push_back({replica, coded >> 1, (coded & 1) != 0});
  }
  if (!in.ok() || result.empty())
    return std::nullopt;
  return result;
}

std::pair<std::string, std::string> members_between(const crdt::key& set) {
  return all_of(begin_row(member_letter, set));
}

// -- entries --

std::string entry_name(const crdt::key& set, const crdt::or_set::entry& entry,
                       const crdt::payload& member) {
  return std::string{row_names{set}.entry(entry, member)};
}

std::optional<crdt::payload> member_of_entry(const crdt::key& set, std::string_view name) {
  auto in = read_row(entry_letter, set, name);
  if (!in)
    return std::nullopt;
  in->u8();
  crdt::decode_replica_id(*in);
  read_big_endian(*in);
  return read_member(*in);
}

std::pair<std::string, std::string> all_entries(const crdt::key& set) {
  return all_of(begin_row(entry_letter, set));
}

std::pair<std::string, std::string> entries_between(const crdt::key& set, bool live,
                                                    const crdt::replica_id& replica,
                                                    const crdt::interval& events) {
  auto out = begin_row(entry_letter, set);
  out.u8(live ? 1 : 0);
  crdt::encode(out, replica);
  const auto size = out.size();
  write_big_endian(out, events.first);
  std::string first{out.view()};
  out.truncate(size);
  write_big_endian(out, events.last);
  return {std::move(first), after_all_of(out.view())};
}

// -- many names --

row_names::row_names(const crdt::key& set)
    : member_row_(begin_row(member_letter, set)), entry_row_(begin_row(entry_letter, set)),
      begin_(member_row_.size()) {}

std::string_view row_names::member(const crdt::payload& member) {
  member_row_.truncate(begin_);
  write_member(member_row_, member);
  return member_row_.view();
}

std::string_view row_names::entry(const crdt::or_set::entry& entry, const crdt::payload& member) {
  entry_row_.truncate(begin_);
  entry_row_.u8(entry.live ? 1 : 0);
  crdt::encode(entry_row_, entry.replica);
  write_big_endian(entry_row_, entry.number);
  write_member(entry_row_, member);
  return entry_row_.view();
}

std::optional<crdt::key> set_of_row(std::string_view name) {
  wire::reader in{name};
  const auto letter = static_cast<char>(in.u8());
  const auto set = in.bytes(crdt::key_name_max);
  if (!in.ok() || (letter != member_letter && letter != entry_letter))
    return std::nullopt;
  return crdt::key{crdt::type::set, std::string{set}};
}

// -- what is lost --

std::string lost_row(lost_copy which, std::string_view first_head) {
  const auto letter = which == lost_copy::first ? first_lost_letter : second_lost_letter;
  return letter + std::string{first_head};
}

std::pair<std::string, std::string> all_lost_rows(lost_copy which) {
  return all_of(which == lost_copy::first ? first_lost_letter : second_lost_letter);
}

// -- the node itself --

std::string node_row(std::string_view what) {
  return node_letter + std::string{what};
}

std::pair<std::string, std::string> all_node_rows() {
  return all_of(node_letter);
}

std::vector<std::pair<std::string, std::string>> all_unknown_rows() {
  std::string known{head_letter,       member_letter,      entry_letter,
                    first_lost_letter, second_lost_letter, node_letter};
  std::ranges::sort(known);
  std::vector<std::pair<std::string, std::string>> result;
  std::string first;
  for (const auto letter : known) {
    if (const std::string next{letter}; first < next)
      result.emplace_back(std::move(first), next);
    first = all_of(letter).second;
  }
  result.emplace_back(std::move(first), std::string(1 + crdt::key_name_max, '\xff'));
  return result;
}

} // namespace starling::storage
