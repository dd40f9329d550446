#include "replication/row_repair.hpp"

#include <cassert>
#include <utility>

namespace starling::replication {

namespace {

constexpr std::uint8_t format_version = 1;

void put(wire::writer& out, std::uint64_t x) {
  for (int shift = 0; shift < 64; shift += 8)
    out.u8(static_cast<std::uint8_t>(x >> shift));
}

std::uint64_t get(wire::reader& in) {
  std::uint64_t x = 0;
  for (int shift = 0; shift < 64; shift += 8)
    x |= std::uint64_t{in.u8()} << shift;
  return x;
}

std::string name_of(const crdt::payload& member) {
  wire::writer out;
  crdt::encode(out, member);
  return std::move(out).take();
}

crdt::payload member_of(std::string_view name) {
  wire::reader in{name};
  auto result = crdt::decode_payload(in);
  assert(in.ok());
  return result;
}

} // namespace

std::string encode(const snapshot_rows& r) {
  wire::writer out;
  out.u8(format_version);
  put(out, r.whole.low);
  put(out, r.whole.high);
  r.rows.encode(out);
  return std::move(out).take();
}

wire::decoded<snapshot_rows> decode_snapshot_rows(std::string_view bytes) {
  wire::reader in{bytes};
  if (in.u8() != format_version)
    in.fail("unknown version of the repair format");
  snapshot_rows result;
  result.whole.low = get(in);
  result.whole.high = get(in);
  result.rows = crdt::or_set::decode(in);
  in.expect_end();
  if (!in.ok())
    return in.error();
  return result;
}

value_snapshot::value_snapshot(digester digests, crdt::key key, crdt::or_set state)
    : digests_(std::move(digests)), key_(std::move(key)), state_(std::move(state)) {
  for (const auto& [member, clock] : state_.clocks()) {
    const auto name = name_of(member);
    rows_.set(digests_.position_of_member(name), name, digests_.row(key_, member, clock));
  }
  whole_ = rows_.root();
  for (const auto& [replica, events] : state_.seen().replicas())
    whole_ += digests_.row(key_, replica, events);
}

snapshot_rows value_snapshot::rows_of(const std::vector<std::string>& names) const {
  crdt::or_set::clock_map clocks;
  for (const auto& name : names)
    if (const auto found = state_.clocks().find(member_of(name)); found != state_.clocks().end())
      clocks.insert(*found);
  return {whole_, crdt::or_set{state_.seen(), std::move(clocks)}};
}

std::optional<crdt::or_set>
value_snapshot::other_side(const std::vector<std::string>& named_here,
                           const std::vector<snapshot_rows>& received) const {
  if (received.empty())
    return std::nullopt;
  auto clocks = state_.clocks();
  auto sum = rows_.root();
  const auto erase = [&](const crdt::payload& member) {
    if (const auto found = clocks.find(member); found != clocks.end()) {
      sum -= digests_.row(key_, found->first, found->second);
      clocks.erase(found);
    }
  };
  for (const auto& name : named_here)
    erase(member_of(name));
  for (const auto& [whole, rows] : received)
    for (const auto& [member, clock] : rows.clocks()) {
      erase(member);
      sum += digests_.row(key_, member, clock);
      clocks.emplace(member, clock);
    }
  const auto& [whole, last] = received.back();
  for (const auto& [replica, events] : last.seen().replicas())
    sum += digests_.row(key_, replica, events);
  if (sum != whole)
    return std::nullopt;
  // The parts were checked when they were decoded; together they need not be a set.
  wire::writer whole_set;
  crdt::or_set{last.seen(), std::move(clocks)}.encode(whole_set);
  wire::reader in{whole_set.view()};
  auto result = crdt::or_set::decode(in);
  if (!in.ok())
    return std::nullopt;
  return result;
}

} // namespace starling::replication
