#include "replication/message.hpp"

#include "crdt/value_format.hpp"
#include "replication/audit.hpp"
#include "wire/fields.hpp"

namespace starling::replication {

namespace {

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

std::uint8_t get_version(wire::reader& in, const dialect& ours) {
  const auto version = in.u8();
  if (!ours.speaks.contains(version))
    in.fail("a version of the protocol that this node does not speak");
  return version;
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
template <class Decode>
auto get_part(wire::reader& in, Decode decode) {
  auto decoded = decode(in.bytes());
  using T = typename decltype(decoded)::value_type;
  if (!decoded) {
    in.fail(decoded.error().what);
    return T{};
  }
  return *std::move(decoded);
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

/// Adds to a list those that are read here, and counts the others.
void get_items(wire::reader& in, const dialect& ours, std::vector<item>& known,
               std::size_t& skipped) {
  for (auto left = in.count(item_bytes_min); left > 0 && in.ok(); --left) {
    auto key = get_key(in);
    const auto bytes = in.bytes();
    const bool is_newer =
        !bytes.empty() && static_cast<std::uint8_t>(bytes[0]) > crdt::value_format;
    if (!ours.reads.contains(key.type) || is_newer) {
      ++skipped;
      continue;
    }
    auto part = crdt::value::decode(bytes);
    if (!part) {
      in.fail(part.error().what);
      break;
    }
    auto& value = *part;
    if (value.type() != key.type)
      in.fail("value of another type than its key");
    if (value.empty())
      in.fail("value without content");
    known.push_back({std::move(key), std::move(value)});
  }
}

// What a message or an answer holds beside its items.
enum content_field : std::uint64_t {
  mends_field = 1,
  walk_field = 2,
  audit_field = 3, // of an answer: sums
  rows_field = 4,  // of an answer: rows
  tallies_field = 5,
  early_field = 6,
  kept_field = 7,
  reads_field = 8, // of an answer
};

// What the head of a message holds.
enum head_field : std::uint64_t { message_reads_field = 1 };

/// Writes a field of what `write` writes.
template <class Write>
void put_field(wire::writer& out, std::uint64_t number, Write write) {
  wire::writer content;
  write(content);
  wire::put_field(out, number, content.view());
}

/// What `get` reads of all bytes of a field; fails into `in`.
template <class Get>
auto get_field(wire::reader& in, std::string_view bytes, Get get) {
  wire::reader content{bytes};
  auto result = get(content);
  content.expect_end();
  if (!content.ok())
    in.fail(content.error().what);
  return result;
}

/// The same for what has a decoder of its own.
template <class T>
T get_whole(wire::reader& in, std::string_view bytes,
            wire::decoded<T> (*decode)(std::string_view)) {
  auto decoded = decode(bytes);
  if (!decoded) {
    in.fail(decoded.error().what);
    return {};
  }
  return *std::move(decoded);
}

bool get_mark(wire::reader& in, std::string_view bytes) {
  if (!bytes.empty())
    in.fail("a mark with content");
  return true;
}

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

// What a step of comparing a value is.
enum class step : std::uint8_t { ask = 1, read = 2, rows = 3 };

void put(wire::writer& out, const row_step& s) {
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

/// Counts what it cannot read: rows of an unknown type. Such a step is refused, whatever it asks.
row_step get_row_step(wire::reader& in, std::size_t& unknown) {
  row_step result;
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
    if (crdt::has_rows(result.key.type)) {
      result.what = get_part(
          in, [&](std::string_view bytes) { return decode_snapshot_rows(result.key.type, bytes); });
    } else {
      in.bytes();
      ++unknown;
    }
    break;
  default:
    in.fail("unknown step of a comparison");
  }
  return result;
}

std::vector<std::uint64_t> get_sums(wire::reader& in) {
  std::vector<std::uint64_t> result;
  if (in.remaining() == 0)
    in.fail("an audit without sums");
  while (in.ok() && in.remaining() > 0)
    result.push_back(get_u64(in));
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
  out.u8(m.version);
  put(out, m.from);
  put(out, m.to);
  out.varint(m.sequence);
  out.varint(m.acknowledged);
  out.u8(static_cast<std::uint8_t>(m.phase));
  wire::put_field(out, message_reads_field, encode(m.reads));
  wire::end_fields(out);
}

message get_head(wire::reader& in, const dialect& ours) {
  message result;
  result.version = get_version(in, ours);
  result.from = get_session(in);
  result.to = get_session(in);
  result.sequence = in.varint();
  result.acknowledged = in.varint();
  const auto phase = in.u8();
  if (phase > static_cast<std::uint8_t>(replication::phase::asks))
    in.fail("unknown phase of a round");
  result.phase = static_cast<replication::phase>(phase);
  result.reads = {};
  bool says_what_it_reads = false;
  wire::read_fields(in, [&](std::uint64_t number, std::string_view bytes) {
    if (number != message_reads_field) {
      ++result.unknown_fields;
      return;
    }
    result.reads = get_whole(in, bytes, decode_type_set);
    says_what_it_reads = true;
  });
  if (!says_what_it_reads)
    in.fail("a message that does not say what its sender reads");
  return result;
}

void put_content(wire::writer& out, const message& m, const std::vector<encoded_item>& items) {
  put(out, items);
  if (m.mends)
    wire::put_field(out, mends_field, "");
  if (m.walk)
    wire::put_field(out, walk_field, encode(*m.walk));
  if (m.audit)
    put_field(out, audit_field, [&](auto& to) { put_range(to, *m.audit); });
  if (m.comparison)
    put_field(out, rows_field, [&](auto& to) { put(to, *m.comparison); });
  if (!m.tallies.empty())
    put_field(out, tallies_field, [&](auto& to) { put(to, m.tallies); });
  if (m.is_early)
    wire::put_field(out, early_field, "");
  if (m.kept_since != session_id{})
    put_field(out, kept_field, [&](auto& to) { put(to, m.kept_since); });
  wire::end_fields(out);
}

void get_content(wire::reader& in, message& m, const dialect& ours) {
  get_items(in, ours, m.items, m.skipped);
  wire::read_fields(in, [&](std::uint64_t number, std::string_view bytes) {
    switch (static_cast<content_field>(number)) {
    case mends_field:
      m.mends = get_mark(in, bytes);
      break;
    case walk_field:
      m.walk = get_whole(in, bytes, decode_repair_request);
      break;
    case audit_field:
      m.audit = get_field(in, bytes, get_range);
      break;
    case rows_field:
      m.comparison = get_field(in, bytes, [&](wire::reader& content) {
        return get_row_step(content, m.unknown_fields);
      });
      break;
    case tallies_field:
      m.tallies = get_field(in, bytes, get_tallies);
      break;
    case early_field:
      m.is_early = get_mark(in, bytes);
      break;
    case kept_field:
      m.kept_since = get_field(in, bytes, get_kept_since);
      break;
    default:
      ++m.unknown_fields;
    }
  });
  in.expect_end();
}

enum class body : std::uint8_t { content = 0, fragment = 1 };

} // namespace

std::size_t elements_in(const std::vector<encoded_item>& items) {
  std::size_t result = 0;
  for (const auto& item : items)
    result += crdt::value::elements_of(item.bytes);
  return result;
}

std::string encode(const message& m, const std::vector<encoded_item>& items) {
  wire::writer out;
  put_head(out, m);
  out.u8(static_cast<std::uint8_t>(m.piece ? body::fragment : body::content));
  if (m.piece)
    put(out, *m.piece);
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

wire::decoded<message> decode_message(std::string_view bytes, const dialect& ours) {
  wire::reader in{bytes};
  auto result = get_head(in, ours);
  switch (static_cast<body>(in.u8())) {
  case body::content:
    get_content(in, result, ours);
    break;
  case body::fragment:
    result.piece = get_fragment(in);
    in.expect_end();
    break;
  default:
    in.fail("unknown kind of message");
  }
  if (!in.ok())
    return in.error();
  return result;
}

wire::decoded<message> decode_with(const message& head, std::string_view content,
                                   const dialect& ours) {
  auto result = message{head.from, head.to, head.sequence, head.acknowledged, head.phase, {}};
  result.unknown_fields = head.unknown_fields;
  result.reads = head.reads;
  result.version = head.version;
  wire::reader in{content};
  get_content(in, result, ours);
  if (!in.ok())
    return in.error();
  return result;
}

std::string encode(const answer& a, const std::vector<encoded_item>& items) {
  wire::writer out;
  out.u8(a.version);
  put(out, a.from);
  put(out, a.to);
  out.varint(a.sequence);
  out.u8(static_cast<std::uint8_t>(a.verdict));
  put(out, a.root);
  out.varint(a.offer);
  put(out, items);
  if (a.walk)
    wire::put_field(out, walk_field, encode(*a.walk));
  if (!a.sums.empty())
    put_field(out, audit_field, [&](auto& to) {
      for (const auto sum : a.sums)
        put_u64(to, sum);
    });
  if (a.rows)
    put_field(out, rows_field, [&](auto& to) { put(to, *a.rows); });
  if (!a.tallies.empty())
    put_field(out, tallies_field, [&](auto& to) { put(to, a.tallies); });
  if (a.kept_since != session_id{})
    put_field(out, kept_field, [&](auto& to) { put(to, a.kept_since); });
  wire::put_field(out, reads_field, encode(a.reads));
  wire::end_fields(out);
  return std::move(out).take();
}

wire::decoded<answer> decode_answer(std::string_view bytes, const dialect& ours) {
  wire::reader in{bytes};
  answer result;
  result.version = get_version(in, ours);
  result.from = get_session(in);
  result.to = get_session(in);
  result.sequence = in.varint();
  const auto verdict = in.u8();
  if (verdict < 1 || verdict > static_cast<std::uint8_t>(replication::verdict::refused))
    in.fail("unknown verdict");
  result.verdict = static_cast<replication::verdict>(verdict);
  result.root = get_digest(in);
  result.offer = in.varint();
  get_items(in, ours, result.items, result.skipped);
  if (in.ok() && (result.offer == 0) != (result.items.empty() && result.skipped == 0))
    in.fail("an offer without items, or items without an offer");
  result.reads = {};
  bool says_what_it_reads = false;
  wire::read_fields(in, [&](std::uint64_t number, std::string_view content) {
    switch (static_cast<content_field>(number)) {
    case walk_field:
      result.walk = get_whole(in, content, decode_repair_answer);
      break;
    case audit_field:
      result.sums = get_field(in, content, get_sums);
      break;
    case rows_field:
      result.rows = get_field(in, content, get_fragment);
      break;
    case tallies_field:
      result.tallies = get_field(in, content, get_tallies);
      break;
    case kept_field:
      result.kept_since = get_field(in, content, get_kept_since);
      break;
    case reads_field:
      result.reads = get_whole(in, content, decode_type_set);
      says_what_it_reads = true;
      break;
    default:
      ++result.unknown_fields;
    }
  });
  if (!says_what_it_reads)
    in.fail("an answer that does not say what its sender reads");
  in.expect_end();
  if (!in.ok())
    return in.error();
  return result;
}

} // namespace starling::replication
