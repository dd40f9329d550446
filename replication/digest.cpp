#include "replication/digest.hpp"

#include "crdt/seek.hpp"
#include "crdt/slot.hpp"
#include "crdt/value_format.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>

namespace starling::replication {

namespace {

// What a hashed text is about; its first byte, so that no two kinds share a text.
enum class fact : std::uint8_t { value = 1, member_row = 2, seen_row = 3, position = 4 };

wire::writer begin(fact kind) {
  wire::writer out;
  out.u8(static_cast<std::uint8_t>(kind));
  return out;
}

wire::writer begin(fact kind, const crdt::key& key) {
  auto out = begin(kind);
  crdt::encode(out, key);
  return out;
}

// What the text of most small values takes.
constexpr std::size_t text_bytes = 128;

wire::uint128 number(const digest& d) {
  return wire::uint128{d.high} << 64 | d.low;
}

digest from(wire::uint128 x) {
  return {static_cast<std::uint64_t>(x >> 64), static_cast<std::uint64_t>(x)};
}

std::uint64_t big_endian(const char* bytes) {
  std::uint64_t result = 0;
  for (int i = 0; i < 8; ++i)
    result = result << 8 | static_cast<unsigned char>(bytes[i]);
  return result;
}

} // namespace

digest& digest::operator+=(const digest& other) {
  return *this = from(number(*this) + number(other));
}

digest& digest::operator-=(const digest& other) {
  return *this = from(number(*this) - number(other));
}

std::string to_string(const digest& d) {
  constexpr char digits[] = "0123456789abcdef";
  std::string result;
  for (const auto part : {d.high, d.low})
    for (int shift = 60; shift >= 0; shift -= 4)
      result += digits[part >> shift & 15];
  return result;
}

namespace {

/// All of two lists in ascending order, each once.
std::vector<crdt::payload> both(std::vector<crdt::payload> some,
                                const std::vector<crdt::payload>& more) {
  if (more.empty())
    return some;
  std::vector<crdt::payload> result;
  result.reserve(some.size() + more.size());
  std::ranges::set_union(some, more, std::back_inserter(result));
  return result;
}

} // namespace

touched_rows rows_changed_by(const crdt::value& whole, const crdt::value& delta) {
  return whole.visit_rows([&](const auto& mine, auto which) {
    const auto& theirs = delta.as<typename decltype(which)::type::state>();
    touched_rows result;
    result.members.reserve(theirs.rows().size());
    for (const auto& [member, row] : theirs.rows())
      result.members.push_back(member);
    result.members = both(std::move(result.members), mine.touched_by(theirs.seen()));
    for (const auto& [replica, events] : theirs.seen().replicas())
      result.replicas.push_back(replica);
    return result;
  });
}

touched_rows rows_changed_by(const crdt::value& whole, const crdt::replica_id& self,
                             std::vector<crdt::payload> members) {
  return whole.visit_rows([&](const auto& mine, auto) -> touched_rows {
    // New events of our own: none is live yet, but dead entries may have waited for them.
    crdt::causal_context added;
    if (const auto last = mine.seen().last(self); last < crdt::event_number_max)
      added.insert(self, {last + 1, crdt::event_number_max});
    return {both(std::move(members), mine.touched_by(added)), {self}};
  });
}

namespace {

template <class State>
digest digest_of_rows(const digester& digests, const crdt::key& key, const State& state) {
  row_digester row{digests, key};
  digest sum;
  for (const auto& [member, r] : state.rows())
    sum += row.of_row<State>(member, r);
  return sum + row.of_seen(state.seen());
}

template <class State>
digest digest_of_rows(const digester& digests, const crdt::key& key, const State& state,
                      const touched_rows& rows) {
  row_digester row{digests, key};
  digest sum;
  auto at = state.rows().begin();
  for (const auto& member : rows.members) {
    at = crdt::seek(state.rows(), at, member);
    if (at != state.rows().end() && at->first == member)
      sum += row.of_row<State>(member, at->second);
  }
  for (const auto& replica : rows.replicas)
    if (const auto found = state.seen().replicas().find(replica);
        found != state.seen().replicas().end())
      sum += row.of_seen(replica, found->second);
  return sum;
}

} // namespace

digest digester::digest_of(const crdt::key& key, const crdt::value& value) const {
  if (value.empty())
    return {};
  if (crdt::has_rows(value.type()))
    return value.visit_rows(
        [&](const auto& state, auto) { return digest_of_rows(*this, key, state); });
  wire::writer out;
  out.truncate(text_bytes); // so that it does not grow byte by byte
  out.truncate(0);
  out.u8(static_cast<std::uint8_t>(fact::value));
  crdt::encode(out, key);
  out.u8(crdt::value_format);
  out.u8(static_cast<std::uint8_t>(value.type()));
  value.visit([&](const auto& x, auto) { x.encode(out); });
  return hash(out.view());
}

digest digester::digest_of(const crdt::key& key, const crdt::value& value,
                           const touched_rows& rows) const {
  return value.visit_rows(
      [&](const auto& state, auto) { return digest_of_rows(*this, key, state, rows); });
}

row_digester::row_digester(const digester& digests, const crdt::key& key)
    : digests_(digests), member_row_(replication::begin(fact::member_row, key)),
      seen_row_(replication::begin(fact::seen_row, key)), begin_(member_row_.size()) {}

wire::writer& row_digester::begin(const crdt::payload& member) {
  member_row_.truncate(begin_);
  crdt::encode(member_row_, member);
  return member_row_;
}

digest row_digester::of_seen(const crdt::replica_id& replica, const crdt::interval_set& events) {
  if (events.empty())
    return {};
  auto& out = seen_row_;
  out.truncate(begin_);
  crdt::encode(out, replica);
  for (const auto& [first, last] : events.intervals()) {
    out.varint(first);
    out.varint(last);
  }
  return digests_.hash(out.view());
}

digest row_digester::of_seen(const crdt::causal_context& seen) {
  digest sum;
  for (const auto& [replica, events] : seen.replicas())
    sum += of_seen(replica, events);
  return sum;
}

std::uint64_t digester::position_of(const crdt::key& key) const {
  const auto tag = position_hash_(name_of(key));
  constexpr unsigned bits_behind_slot = 64 - crdt::slot_bits;
  return std::uint64_t{crdt::slot_of(key.name)} << bits_behind_slot |
         big_endian(tag.data()) >> crdt::slot_bits;
}

std::uint64_t digester::position_of_member(std::string_view name) const {
  auto out = begin(fact::position);
  out.raw(name);
  return hash(out.view()).high;
}

std::uint64_t digester::fingerprint() const {
  return position_of_member("starling");
}

digest digester::hash(std::string_view bytes) const {
  const auto tag = hash_(bytes);
  return {big_endian(tag.data()), big_endian(tag.data() + 8)};
}

std::string name_of(const crdt::key& key) {
  wire::writer out;
  out.truncate(key.name.size() + 4); // so that it does not grow byte by byte
  out.truncate(0);
  crdt::encode(out, key);
  return std::move(out).take();
}

crdt::key key_of(std::string_view name) {
  wire::reader in{name};
  auto result = crdt::decode_key(in);
  in.expect_end();
  assert(in.ok());
  return result;
}

} // namespace starling::replication
