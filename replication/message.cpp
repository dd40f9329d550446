#include "replication/message.hpp"

#include "crdt/value_format.hpp"
#include "replication/audit.hpp"

namespace starling::replication {

namespace {

constexpr std::uint8_t format_version = 5; // of 4 the positions of keys were others

// A type, an empty name and a length; the version and the type of a value.
constexpr std::size_t item_bytes_min = 3 + 2;

constexpr std::size_t tally_bytes_min = 16 + 1;

void put_u64(wire::writer& out, std::uint64_t x) {
  for (int shift = 0; shift < 64; shift += 8)
    out.u8(static_cast<std::uint8_t>(x >> shift));
}

std::uint64_t get_u64(wire::reader& in) {
  std::uint64_t x = 0;
  for (int shift = 0; shift < 64; shift += 8)
    x |= std::uint64_t{in.u8()} << shift;
  return x;
}

void put(wire::writer& out, session_id id) {
  put_u64(out, id.value);
}

session_id get_session(wire::reader& in) {
  return {get_u64(in)};
}

session_id get_kept_since(wire::reader& in) {
  const auto result = get_session(in);
  if (result == session_id{})
    in.fail("kept since no session");
  return result;
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

void put(wire::writer& out, const digest& d) {
  put_u64(out, d.low);
  put_u64(out, d.high);
}

digest get_digest(wire::reader& in) {
  const auto low = get_u64(in);
  return {get_u64(in), low};
}

void put(wire::writer& out, const fragment& f) {
  out.varint(f.number);
  out.varint(f.size);
  out.varint(f.offset);
  out.bytes(f.bytes);
}

fragment get_fragment(wire::reader& in) {
  fragment result;
  result.number = in.varint();
  result.size = in.varint();
  result.offset = in.varint();
  result.bytes = in.bytes();
  if (result.bytes.empty() || result.offset > result.size ||
      result.bytes.size() > result.size - result.offset)
    in.fail("fragment out of bounds");
  return result;
}

/// A value of another format, with its length.
template <class T>
T get_part(wire::reader& in, wire::decoded<T> (*decode)(std::string_view)) {
  auto decoded = decode(in.bytes());
  if (const auto* error = std::get_if<wire::decode_error>(&decoded)) {
    in.fail(error->what);
    return {};
  }
  return std::get<T>(std::move(decoded));
}

/// A key of any type, also of one that this version does not know.
crdt::key get_key(wire::reader& in) {
  auto rest = in;
  const auto type = static_cast<crdt::type>(rest.u8());
  if (crdt::is_known(type) || type == crdt::type{})
    return crdt::decode_key(in);
  in.u8();
  return {type, std::string{in.bytes(crdt::key_name_max)}};
}

/// Adds to a list those that this version knows, and counts the others.
void get_items(wire::reader& in, std::vector<item>& known, std::size_t& skipped) {
  for (auto left = in.count(item_bytes_min); left > 0 && in.ok(); --left) {
    auto key = get_key(in);
    const auto bytes = in.bytes();
    const bool is_newer =
        !bytes.empty() && static_cast<std::uint8_t>(bytes[0]) > crdt::value_format;
    if (!crdt::is_known(key.type) || is_newer) {
      ++skipped;
      continue;
    }
    auto part = crdt::value::decode(bytes);
    if (const auto* error = std::get_if<wire::decode_error>(&part)) {
      in.fail(error->what);
      break;
    }
    auto& value = std::get<crdt::value>(part);
    if (value.type() != key.type)
      in.fail("value of another type than its key");
    if (value.empty())
      in.fail("value without content");
    known.push_back({std::move(key), std::move(value)});
  }
}

// What a message or an answer holds beside its items.
enum part : std::uint8_t {
  mends_flag = 1,
  walk_flag = 2,
  audit_flag = 4,
  set_flag = 8,
  tallies_flag = 16,
  early_flag = 32,
  kept_flag = 64,
};

void put(wire::writer& out, const std::vector<tally>& all) {
  out.varint(all.size());
  for (const auto& [replica, changes] : all) {
    crdt::encode(out, replica);
    out.varint(changes);
  }
}

std::vector<tally> get_tallies(wire::reader& in) {
  const auto count = in.count(tally_bytes_min);
  if (count == 0 || count > tallies::most)
    in.fail("no tallies, or too many");
  std::vector<tally> result;
  for (auto left = count; left > 0 && in.ok(); --left) {
    auto& one = result.emplace_back();
    one.replica = crdt::decode_replica_id(in);
    one.changes = in.varint();
  }
  return result;
}

// What a step of comparing a set is.
enum class step : std::uint8_t { ask = 1, read = 2, rows = 3 };

void put(wire::writer& out, const set_step& s) {
  crdt::encode(out, s.key);
  out.varint(s.number);
  out.u8(static_cast<std::uint8_t>(s.what.index() + 1));
  if (const auto* ask = std::get_if<repair_request>(&s.what))
    out.bytes(encode(*ask));
  else if (const auto* from = std::get_if<std::uint64_t>(&s.what))
    out.varint(*from);
  else
    out.bytes(encode(std::get<snapshot_rows>(s.what)));
}

set_step get_set_step(wire::reader& in) {
  set_step result;
  result.key = get_key(in);
  if (crdt::is_known(result.key.type) && !crdt::has_rows(result.key.type))
    in.fail("comparison of what has no rows");
  result.number = in.varint();
  switch (static_cast<step>(in.u8())) {
  case step::ask:
    result.what = get_part(in, decode_repair_request);
    break;
  case step::read:
    result.what = in.varint();
    break;
  case step::rows:
    result.what = get_part(in, decode_snapshot_rows);
    break;
  default:
    in.fail("unknown step of a comparison");
  }
  return result;
}

void put_range(wire::writer& out, const range& r) {
  out.u8(static_cast<std::uint8_t>(r.depth));
  out.varint(r.prefix);
}

range get_range(wire::reader& in) {
  range result;
  result.depth = in.u8();
  result.prefix = in.varint();
  if (result.depth > audit_depth_max || result.prefix >> result.depth != 0)
    in.fail("range out of bounds");
  return result;
}

void put_head(wire::writer& out, const message& m) {
  out.u8(format_version);
  put(out, m.from);
  put(out, m.to);
  out.varint(m.sequence);
  out.varint(m.acknowledged);
  out.u8(static_cast<std::uint8_t>(m.phase));
}

void put_content(wire::writer& out, const message& m, const std::vector<encoded_item>& items) {
  out.u8(static_cast<std::uint8_t>(
      (m.mends ? mends_flag : 0) | (m.walk ? walk_flag : 0) | (m.audit ? audit_flag : 0) |
      (m.set ? set_flag : 0) | (m.tallies.empty() ? 0 : tallies_flag) |
      (m.is_early ? early_flag : 0) | (m.kept_since == session_id{} ? 0 : kept_flag)));
  put(out, items);
  if (m.walk)
    out.bytes(encode(*m.walk));
  if (m.audit)
    put_range(out, *m.audit);
  if (m.set)
    put(out, *m.set);
  if (!m.tallies.empty())
    put(out, m.tallies);
  if (m.kept_since != session_id{})
    put(out, m.kept_since);
}

void get_content(wire::reader& in, message& m) {
  const auto flags = in.u8();
  if (flags >
      (mends_flag | walk_flag | audit_flag | set_flag | tallies_flag | early_flag | kept_flag))
    in.fail("unknown part of a message");
  m.mends = (flags & mends_flag) != 0;
  m.is_early = (flags & early_flag) != 0;
  get_items(in, m.items, m.skipped);
  if ((flags & walk_flag) != 0)
    m.walk = get_part(in, decode_repair_request);
  if ((flags & audit_flag) != 0)
    m.audit = get_range(in);
  if ((flags & set_flag) != 0)
    m.set = get_set_step(in);
  if ((flags & tallies_flag) != 0)
    m.tallies = get_tallies(in);
  if ((flags & kept_flag) != 0)
    m.kept_since = get_kept_since(in);
  in.expect_end();
}

enum class body : std::uint8_t { content = 0, fragment = 1 };

} // namespace

std::string encode(const message& m, const std::vector<encoded_item>& items) {
  wire::writer out;
  put_head(out, m);
  out.u8(static_cast<std::uint8_t>(m.part ? body::fragment : body::content));
  if (m.part)
    put(out, *m.part);
  else
    put_content(out, m, items);
  return std::move(out).take();
}

std::string encode_content(const message& m, const std::vector<encoded_item>& items) {
  wire::writer out;
  put_content(out, m, items);
  return std::move(out).take();
}

std::string encode_with(const message& m, std::string_view content) {
  wire::writer out;
  put_head(out, m);
  out.u8(static_cast<std::uint8_t>(body::content));
  out.raw(content);
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
  switch (static_cast<body>(in.u8())) {
  case body::content:
    get_content(in, result);
    break;
  case body::fragment:
    result.part = get_fragment(in);
    in.expect_end();
    break;
  default:
    in.fail("unknown kind of message");
  }
  if (!in.ok())
    return in.error();
  return result;
}

wire::decoded<message> decode_with(message head, std::string_view content) {
  head = {head.from, head.to, head.sequence, head.acknowledged, head.phase, {}};
  wire::reader in{content};
  get_content(in, head);
  if (!in.ok())
    return in.error();
  return head;
}

std::string encode(const answer& a, const std::vector<encoded_item>& items) {
  wire::writer out;
  out.u8(format_version);
  put(out, a.from);
  put(out, a.to);
  out.varint(a.sequence);
  out.u8(static_cast<std::uint8_t>(a.verdict));
  put(out, a.root);
  out.u8(static_cast<std::uint8_t>(
      (a.walk ? walk_flag : 0) | (a.sums.empty() ? 0 : audit_flag) | (a.rows ? set_flag : 0) |
      (a.tallies.empty() ? 0 : tallies_flag) | (a.kept_since == session_id{} ? 0 : kept_flag)));
  out.varint(a.offer);
  put(out, items);
  if (a.walk)
    out.bytes(encode(*a.walk));
  if (!a.sums.empty()) {
    out.varint(a.sums.size());
    for (const auto sum : a.sums)
      put_u64(out, sum);
  }
  if (a.rows)
    put(out, *a.rows);
  if (!a.tallies.empty())
    put(out, a.tallies);
  if (a.kept_since != session_id{})
    put(out, a.kept_since);
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
  if (verdict < 1 || verdict > 5)
    in.fail("unknown verdict");
  result.verdict = static_cast<replication::verdict>(verdict);
  result.root = get_digest(in);
  const auto flags = in.u8();
  if ((flags & ~(walk_flag | audit_flag | set_flag | tallies_flag | kept_flag)) != 0)
    in.fail("unknown part of an answer");
  result.offer = in.varint();
  get_items(in, result.items, result.skipped);
  if (in.ok() && (result.offer == 0) != (result.items.empty() && result.skipped == 0))
    in.fail("an offer without items, or items without an offer");
  if ((flags & walk_flag) != 0)
    result.walk = get_part(in, decode_repair_answer);
  if ((flags & audit_flag) != 0) {
    const auto count = in.count(8);
    if (count == 0)
      in.fail("an audit without sums");
    for (auto left = count; left > 0 && in.ok(); --left)
      result.sums.push_back(get_u64(in));
  }
  if ((flags & set_flag) != 0)
    result.rows = get_fragment(in);
  if ((flags & tallies_flag) != 0)
    result.tallies = get_tallies(in);
  if ((flags & kept_flag) != 0)
    result.kept_since = get_kept_since(in);
  in.expect_end();
  if (!in.ok())
    return in.error();
  return result;
}

} // namespace starling::replication
