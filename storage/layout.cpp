#include "storage/layout.hpp"

#include "crdt/value_format.hpp"
#include "storage/event_index.hpp"
#include "wire/bytes.hpp"

#include <algorithm>

namespace starling::storage {

namespace {

constexpr char head_letter = 'k';
constexpr char list_letter = 'l';
constexpr char member_letter = 'm';
constexpr char index_letter = 'e';
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

void write_slot(wire::writer& out, std::uint16_t slot) {
  out.u8(static_cast<std::uint8_t>(slot >> 8));
  out.u8(static_cast<std::uint8_t>(slot));
}

constexpr std::size_t slot_bytes = 2;

/// What all rows of a key but its head begin with.
wire::writer begin_row(char letter, const crdt::key& key) {
  wire::writer out;
  out.u8(static_cast<std::uint8_t>(letter));
  write_slot(out, crdt::slot_of(key.name));
  out.u8(static_cast<std::uint8_t>(key.type));
  out.bytes(key.name);
  return out;
}

/// Reads on behind that.
std::optional<wire::reader> read_row(char letter, const crdt::key& key, std::string_view name) {
  const auto begin = begin_row(letter, key);
  if (!name.starts_with(begin.view()))
    return std::nullopt;
  return wire::reader{name.substr(begin.size())};
}

/// The key at the end of a name.
std::optional<crdt::key> read_key(wire::reader& in) {
  const auto type = in.u8();
  if (!in.ok() || type == 0 || in.remaining() > crdt::key_name_max)
    return std::nullopt;
  return crdt::key{static_cast<crdt::type>(type), std::string{in.raw(in.remaining())}};
}

void write_member(wire::writer& out, const crdt::payload& member) {
  out.u8(static_cast<std::uint8_t>(member.kind));
  out.raw(member.data); // to the end of the name, so that rows stand in the order of members
}

std::optional<crdt::payload> read_member(wire::reader& in) {
  const auto kind = crdt::payload_kind_of(in.u8());
  if (!kind)
    return std::nullopt;
  crdt::payload result{*kind, std::string{in.raw(in.remaining())}};
  if (!in.ok())
    return std::nullopt;
  return result;
}

row_range all_of(std::string first) {
  auto end = after_all_of(first);
  return {std::move(first), std::move(end)};
}

row_range all_of(wire::writer out) {
  return all_of(std::move(out).take());
}

row_range all_of(char letter) {
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
  wire::writer out;
  out.u8(static_cast<std::uint8_t>(head_letter));
  write_slot(out, crdt::slot_of(key.name));
  out.u8(static_cast<std::uint8_t>(key.type));
  out.raw(key.name);
  return std::move(out).take();
}

std::optional<crdt::key> key_of_head(std::string_view name) {
  wire::reader in{name};
  const auto letter = in.u8();
  const auto high = in.u8();
  const auto low = in.u8();
  auto result = read_key(in);
  if (!result || letter != static_cast<std::uint8_t>(head_letter) ||
      crdt::slot_of(result->name) != (high << 8 | low))
    return std::nullopt;
  return result;
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
  auto decoded = crdt::value::decode(in.raw(in.remaining()));
  if (!in.ok() || !decoded || decoded->type() != type)
    return std::nullopt;
  if (crdt::has_rows(type) &&
      !decoded->visit_rows([](const auto& state, auto) { return state.rows().empty(); }))
    return std::nullopt;
  result.value = *std::move(decoded);
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

row_range all_heads() {
  return all_of(head_letter);
}

// -- the list --

std::string listed_name(const crdt::key& key) {
  return listed_between(key.type, key.name).first;
}

std::optional<crdt::key> key_of_listed(std::string_view name) {
  wire::reader in{name};
  if (in.u8() != static_cast<std::uint8_t>(list_letter))
    return std::nullopt;
  return read_key(in);
}

row_range listed_between(crdt::type type, std::string_view prefix) {
  wire::writer out;
  out.u8(static_cast<std::uint8_t>(list_letter));
  out.u8(static_cast<std::uint8_t>(type));
  out.raw(prefix);
  return all_of(std::move(out));
}

row_range all_listed() {
  return all_of(list_letter);
}

// -- members --

std::string member_name(const crdt::key& key, const crdt::payload& member) {
  return std::string{row_names{key}.member(member)};
}

std::optional<crdt::payload> member_of(const crdt::key& key, std::string_view name) {
  auto in = read_row(member_letter, key, name);
  return in ? read_member(*in) : std::nullopt;
}

row_range members_between(const crdt::key& key) {
  return all_of(begin_row(member_letter, key));
}

// -- the index --

std::string index_name(const crdt::key& key, const crdt::entry& event) {
  return std::string{row_names{key}.index(event)};
}

std::optional<crdt::event_number> first_event_of(const crdt::key& key, std::string_view name) {
  auto in = read_row(index_letter, key, name);
  if (!in)
    return std::nullopt;
  in->u8();
  crdt::decode_replica_id(*in);
  const auto block = read_big_endian(*in);
  in->expect_end();
  if (!in->ok() || block > block_of(crdt::event_number_max))
    return std::nullopt;
  return block * block_events;
}

row_range index_of(const crdt::key& key) {
  return all_of(begin_row(index_letter, key));
}

row_range index_between(const crdt::key& key, bool live, const crdt::replica_id& replica,
                        const crdt::interval& events) {
  return {index_name(key, {replica, events.first, live}),
          after_all_of(index_name(key, {replica, events.last, live}))};
}

bool is_of_index(std::string_view name) {
  return name.starts_with(index_letter);
}

std::string appended(std::string_view name, std::string row) {
  return is_of_index(name) ? tidied(std::move(row)) : std::move(row);
}

std::optional<crdt::payload> decode_member(std::string_view bytes) {
  wire::reader in{bytes};
  return read_member(in);
}

// -- many names --

row_names::row_names(const crdt::key& key)
    : member_row_(begin_row(member_letter, key)), index_row_(begin_row(index_letter, key)),
      begin_(member_row_.size()) {}

std::string_view row_names::member(const crdt::payload& member) {
  member_row_.truncate(begin_);
  write_member(member_row_, member);
  return member_row_.view();
}

std::string_view row_names::index(const crdt::entry& event) {
  index_row_.truncate(begin_);
  index_row_.u8(event.live ? 1 : 0);
  crdt::encode(index_row_, event.replica);
  write_big_endian(index_row_, block_of(event.number));
  return index_row_.view();
}

void index_rows::add(const crdt::payload& member, std::span<const crdt::entry> events) {
  for (const auto& event : events) {
    const auto name = names_.index(event);
    auto found = rows_.find(name);
    if (found == rows_.end()) {
      found = rows_.emplace(name, wire::writer{}).first;
      bytes_ += name.size();
    }
    const auto before = found->second.size();
    put_held(found->second, event.number, member);
    bytes_ += found->second.size() - before;
  }
}

void index_rows::write(batch& into) {
  for (const auto& [name, row] : rows_)
    into.append(name, row.view());
  rows_.clear();
  bytes_ = 0;
}

std::optional<crdt::key> key_of_row(std::string_view name) {
  wire::reader in{name};
  const auto letter = static_cast<char>(in.u8());
  in.raw(slot_bytes);
  const auto type = in.u8();
  const auto key = in.bytes(crdt::key_name_max);
  if (!in.ok() || type == 0 || (letter != member_letter && letter != index_letter))
    return std::nullopt;
  return crdt::key{static_cast<crdt::type>(type), std::string{key}};
}

// -- partitions --

std::array<row_range, 3> rows_of(crdt::partition p) {
  const auto first = static_cast<std::uint16_t>(p) * crdt::slots_each;
  const auto name = [](char letter, unsigned slot) {
    wire::writer out;
    out.u8(static_cast<std::uint8_t>(letter));
    write_slot(out, static_cast<std::uint16_t>(slot)); // 16384 is behind all slots
    return std::move(out).take();
  };
  std::array<row_range, 3> result;
  auto* at = result.data();
  for (const auto letter : {head_letter, member_letter, index_letter})
    *at++ = {name(letter, first), name(letter, first + crdt::slots_each)};
  return result;
}

// -- what is lost --

std::string lost_row(lost_copy which, std::string_view first_listed) {
  const auto letter = which == lost_copy::first ? first_lost_letter : second_lost_letter;
  return letter + std::string{first_listed};
}

row_range all_lost_rows(lost_copy which) {
  return all_of(which == lost_copy::first ? first_lost_letter : second_lost_letter);
}

// -- the node itself --

std::string node_row(std::string_view what) {
  return node_letter + std::string{what};
}

row_range all_node_rows() {
  return all_of(node_letter);
}

std::vector<row_range> all_unknown_rows() {
  std::string known{head_letter,       list_letter,        member_letter, index_letter,
                    first_lost_letter, second_lost_letter, node_letter};
  std::ranges::sort(known);
  std::vector<row_range> result;
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
