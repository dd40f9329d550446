#include "replication/row_repair.hpp"

#include <cassert>
#include <type_traits>
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
  r.rows.visit([&](const auto& state, auto) { state.encode(out); });
  return std::move(out).take();
}

wire::decoded<snapshot_rows> decode_snapshot_rows(crdt::type type, std::string_view bytes) {
  wire::reader in{bytes};
  if (in.u8() != format_version)
    in.fail("unknown version of the repair format");
  snapshot_rows result;
  result.whole.low = get(in);
  result.whole.high = get(in);
  crdt::visit_with_rows(type, [&](auto which) {
    result.rows = decltype(which)::type::state::decode(in);
    return true;
  });
  in.expect_end();
  if (!in.ok())
    return in.error();
  return result;
}

value_snapshot::value_snapshot(digester digests, crdt::key key, crdt::value state)
    : digests_(std::move(digests)), key_(std::move(key)), state_(std::move(state)) {
  whole_ = state_.visit_rows([this](const auto& mine, auto) {
    using state_type = std::decay_t<decltype(mine)>;
    row_digester row{digests_, key_};
    for (const auto& [member, r] : mine.rows()) {
      const auto name = name_of(member);
      rows_.set(digests_.position_of_member(name), name, row.of_row<state_type>(member, r));
    }
    return rows_.root() + row.of_seen(mine.seen());
  });
}

snapshot_rows value_snapshot::rows_of(const std::vector<std::string>& names) const {
  return state_.visit_rows([&](const auto& mine, auto) -> snapshot_rows {
    using state_type = std::decay_t<decltype(mine)>;
    typename state_type::row_map rows;
    for (const auto& name : names)
      if (const auto found = mine.rows().find(member_of(name)); found != mine.rows().end())
        rows.insert(*found);
    return {whole_, state_type{mine.seen(), std::move(rows)}};
  });
}

template <class State>
std::optional<State> value_snapshot::other_side(const State& mine,
                                                const std::vector<std::string>& named_here,
                                                const std::vector<snapshot_rows>& received) const {
  auto all = mine.rows();
  auto sum = rows_.root();
  row_digester row{digests_, key_};
  const auto erase = [&](const crdt::payload& member) {
    if (const auto found = all.find(member); found != all.end()) {
      sum -= row.of_row<State>(found->first, found->second);
      all.erase(found);
    }
  };
  for (const auto& name : named_here)
    erase(member_of(name));
  for (const auto& some : received)
    for (const auto& [member, r] : some.rows.as<State>().rows()) {
      erase(member);
      sum += row.of_row<State>(member, r);
      all.emplace(member, r);
    }
  const auto& last = received.back();
  const auto& seen = last.rows.as<State>().seen();
  if (sum + row.of_seen(seen) != last.whole)
    return std::nullopt;
  // The parts were checked when they were decoded; together they need not be a state.
  wire::writer whole;
  State{seen, std::move(all)}.encode(whole);
  wire::reader in{whole.view()};
  auto result = State::decode(in);
  if (!in.ok())
    return std::nullopt;
  return result;
}

std::optional<crdt::value>
value_snapshot::other_side(const std::vector<std::string>& named_here,
                           const std::vector<snapshot_rows>& received) const {
  if (received.empty())
    return std::nullopt;
  return state_.visit_rows([&](const auto& mine, auto) -> std::optional<crdt::value> {
    return other_side(mine, named_here, received);
  });
}

} // namespace starling::replication
