#include "membership/member.hpp"

#include "wire/seal.hpp"

#include <algorithm>
#include <cassert>
#include <tuple>

namespace starling::membership {

namespace {

std::array<char, 8> big_endian(std::uint64_t x) {
  std::array<char, 8> result{};
  for (std::size_t i = 0; i < 8; ++i)
    result[i] = static_cast<char>(x >> (56 - 8 * i));
  return result;
}

template <std::size_t N>
std::string_view view(const std::array<std::uint8_t, N>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The number of a state on the wire.
std::uint8_t number_of(const status& s) {
  return static_cast<std::uint8_t>(static_cast<std::uint8_t>(s.is) + s.beyond);
}

/// The known state of that number, or else the one below. Requires: there is one.
member_state known_state(std::uint8_t number) {
  using enum member_state;
  auto result = alive;
  for (const auto state : {suspect, dead, left})
    if (number >= static_cast<std::uint8_t>(state))
      result = state;
  return result;
}

constexpr std::array<std::uint8_t, 12> v4_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

} // namespace

node_id node_id::from(std::uint64_t high, std::uint64_t low) {
  node_id id;
  std::ranges::copy(big_endian(high), id.bytes.begin());
  std::ranges::copy(big_endian(low), id.bytes.begin() + 8);
  return id;
}

std::string to_string(const node_id& id) {
  return wire::to_hex(view(id.bytes));
}

incarnation incarnation::next() const {
  if (refutations < refutations_max)
    return {generation, refutations + 1};
  return {std::min(generation + 1, generation_max), 0};
}

std::string to_string(const incarnation& i) {
  return std::to_string(i.generation) + "." + std::to_string(i.refutations);
}

std::string_view to_string(member_state s) {
  switch (s) {
  case member_state::alive:
    return "alive";
  case member_state::suspect:
    return "suspect";
  case member_state::dead:
    return "dead";
  case member_state::left:
    return "left";
  }
  return "unknown";
}

bool accuser_set::insert(const node_id& accuser) {
  const auto end = ids_.begin() + size_;
  const auto place = std::lower_bound(ids_.begin(), end, accuser);
  if ((place != end && *place == accuser) || place == ids_.end())
    return false;
  if (size_ < capacity)
    ++size_;
  std::move_backward(place, ids_.begin() + size_ - 1, ids_.begin() + size_);
  *place = accuser;
  return true;
}

bool accuser_set::join(const accuser_set& other) {
  bool changed = false;
  for (const auto& id : other.ids())
    changed = insert(id) || changed;
  return changed;
}

bool accuser_set::contains(const node_id& accuser) const {
  return std::ranges::binary_search(ids(), accuser);
}

bool overrides(const status& a, const status& b) {
  return std::tie(a.at, a.is, a.beyond) > std::tie(b.at, b.is, b.beyond);
}

udp_address udp_address::v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d,
                            std::uint16_t port) {
  udp_address result;
  std::ranges::copy(v4_prefix, result.ip.begin());
  result.ip[12] = a;
  result.ip[13] = b;
  result.ip[14] = c;
  result.ip[15] = d;
  result.port = port;
  return result;
}

bool udp_address::is_v4() const {
  return std::equal(v4_prefix.begin(), v4_prefix.end(), ip.begin());
}

bool udp_address::is_loopback() const {
  std::array<std::uint8_t, 16> one{};
  one.back() = 1;
  return is_v4() ? ip[12] == 127 : ip == one;
}

std::string to_string(const udp_address& a) {
  std::string result;
  if (a.is_v4()) {
    for (std::size_t i = 12; i < 16; ++i)
      result += (i == 12 ? "" : ".") + std::to_string(a.ip[i]);
  } else {
    result = "[";
    for (std::size_t i = 0; i < 16; i += 2) {
      const auto group = wire::to_hex(view(a.ip).substr(i, 2));
      result += (i == 0 ? "" : ":") +
                group.substr(std::min(group.find_first_not_of('0'), group.size() - 1));
    }
    result += "]";
  }
  return result + ":" + std::to_string(a.port);
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

bool is_valid(const profile& p) {
  return p.written.generation <= generation_max && p.written.refutations <= refutations_max &&
         p.udp.port != 0 && parse_endpoint(p.address) && p.name.size() <= name_bytes_max &&
         is_printable(p.name) && (p.http_address.empty() || parse_endpoint(p.http_address)) &&
         is_valid(p.abilities);
}

std::strong_ordering operator<=>(const profile& a, const profile& b) {
  if (const auto first = std::tie(a.written, a.session) <=> std::tie(b.written, b.session);
      first != 0)
    return first;
  if (a == b) // as a rule
    return std::strong_ordering::equal;
  wire::writer ours;
  wire::writer theirs;
  encode(ours, a);
  encode(theirs, b);
  return ours.view() <=> theirs.view();
}

change join(status& known, const status& said) {
  if (overrides(said, known)) {
    known = said;
    return {.status = true, .accusers = said.accusers.size() > 0};
  }
  if (!overrides(known, said))
    return {.accusers = known.accusers.join(said.accusers)};
  return {};
}

change join(member& known, const member& said) {
  assert(known.id == said.id);
  auto result = join(known.status, said.status);
  if (said.profile && (!known.profile || *known.profile < *said.profile)) {
    known.profile = said.profile;
    result.profile = true;
  }
  return result;
}

bool brings_news(const member& known, const member& said) {
  auto copy = known.status;
  return join(copy, said.status).any() ||
         (said.profile && (!known.profile || *known.profile < *said.profile));
}

std::uint64_t digest_of(const member& m) {
  const auto mix = [](std::uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
  };
  std::uint64_t hash = 0;
  const auto add = [&](std::uint64_t word) { hash = mix(hash + 0x9e3779b97f4a7c15 + word); };
  for (std::size_t half = 0; half < 2; ++half) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < 8; ++i)
      word = (word << 8) | m.id.bytes[half * 8 + i];
    add(word);
  }
  add(m.status.at.generation);
  add((std::uint64_t{m.status.at.refutations} << 8) | number_of(m.status));
  const bool is_up = m.status.is == member_state::alive || m.status.is == member_state::suspect;
  if (m.profile && is_up) {
    add(m.profile->written.generation);
    add(m.profile->written.refutations);
    add(m.profile->session.bits);
  }
  return hash;
}

void encode(wire::writer& out, const node_id& id) {
  out.raw(view(id.bytes));
}

void encode(wire::writer& out, const incarnation& i) {
  out.varint(i.generation);
  out.varint(i.refutations);
}

void encode(wire::writer& out, const udp_address& a) {
  out.raw(view(a.ip));
  out.u8(static_cast<std::uint8_t>(a.port >> 8));
  out.u8(static_cast<std::uint8_t>(a.port));
}

void encode(wire::writer& out, const status& s) {
  encode(out, s.at);
  out.u8(number_of(s));
  if (s.is != member_state::suspect)
    return;
  out.u8(static_cast<std::uint8_t>(s.accusers.size()));
  for (const auto& id : s.accusers.ids())
    encode(out, id);
}

void encode(wire::writer& out, const profile& p) {
  encode(out, p.written);
  encode(out, p.session);
  encode(out, p.udp);
  out.bytes(p.address);
  out.bytes(p.name);
  out.bytes(p.http_address);
  encode(out, p.abilities);
}

node_id decode_node_id(wire::reader& in) {
  node_id id;
  std::ranges::copy(in.raw(id.bytes.size()), id.bytes.begin());
  return id;
}

incarnation decode_incarnation(wire::reader& in) {
  const auto generation = in.varint();
  const auto refutations = in.varint();
  if (generation > generation_max || refutations > refutations_max)
    in.fail("an incarnation beyond its bounds");
  return {generation, static_cast<std::uint32_t>(refutations)};
}

udp_address decode_udp_address(wire::reader& in) {
  udp_address a;
  std::ranges::copy(in.raw(a.ip.size()), a.ip.begin());
  const auto high = in.u8();
  a.port = static_cast<std::uint16_t>((high << 8) | in.u8());
  return a;
}

status decode_status(wire::reader& in) {
  status s;
  s.at = decode_incarnation(in);
  const auto number = in.u8();
  if (number < static_cast<std::uint8_t>(member_state::alive))
    in.fail("an unknown state of a member");
  s.is = known_state(number);
  s.beyond = static_cast<std::uint8_t>(number - static_cast<std::uint8_t>(s.is));
  if (s.is != member_state::suspect)
    return s;
  const auto count = in.u8();
  if (count > accuser_set::capacity)
    in.fail("too many accusers");
  for (auto left = count; left > 0 && in.ok(); --left) {
    // In order, so that equal sets have equal bytes.
    const auto id = decode_node_id(in);
    if (s.accusers.size() > 0 && id <= s.accusers.ids().back())
      in.fail("accusers out of order");
    s.accusers.insert(id);
  }
  return s;
}

profile decode_profile(wire::reader& in) {
  profile p;
  p.written = decode_incarnation(in);
  p.session = decode_session_id(in);
  p.udp = decode_udp_address(in);
  p.address = in.bytes(address_bytes_max);
  p.name = in.bytes(name_bytes_max);
  p.http_address = in.bytes(address_bytes_max);
  p.abilities = decode_abilities(in);
  if (in.ok() && !is_valid(p))
    in.fail("not a profile that a node writes");
  return p;
}

void encode(wire::writer& out, const member& m) {
  encode(out, m.id);
  encode(out, m.status);
  out.u8(m.profile ? 1 : 0);
  if (m.profile)
    encode(out, *m.profile);
}

member decode_member(wire::reader& in) {
  member m;
  m.id = decode_node_id(in);
  m.status = decode_status(in);
  const auto has_profile = in.u8();
  if (has_profile > 1)
    in.fail("a member with a malformed profile");
  if (has_profile == 1)
    m.profile = decode_profile(in);
  if (m.profile && m.profile->written > m.status.at)
    in.fail("a profile that is newer than its member");
  return m;
}

} // namespace starling::membership
