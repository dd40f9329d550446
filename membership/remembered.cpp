#include "membership/remembered.hpp"

#include "wire/bytes.hpp"
#include "wire/fields.hpp"

#include <algorithm>
#include <utility>

namespace starling::membership {

namespace {

// Of the list. The one before had no fields, and the first did not say who is a holder.
constexpr std::uint8_t format_version = 3;
constexpr std::uint8_t format_without_fields = 2;
constexpr std::uint8_t format_without_holders = 1;

// An id, an empty address, whether it was alive.
constexpr std::size_t member_bytes_min = 16 + 1 + 1;

enum flag : std::uint8_t { alive_flag = 1, holder_flag = 2 };

} // namespace

std::vector<remembered_member> worth_remembering(const swim& core,
                                                 const std::vector<remembered_member>& before,
                                                 const holders& of_all, std::size_t most) {
  std::vector<remembered_member> result;
  bool is_any_alive = false;
  for (const auto& peer : core.peers()) {
    const auto is = peer.record->status.is;
    if (is == member_state::left || peer.replaced)
      continue;
    const bool is_alive = is != member_state::dead;
    is_any_alive = is_any_alive || is_alive;
    result.push_back({peer.record->id, peer.record->profile->address, is_alive});
  }
  if (!is_any_alive)
    for (const auto& one : before)
      if (core.table().find(one.id) == nullptr)
        result.push_back(one);
  std::ranges::stable_sort(result, std::greater{}, &remembered_member::was_alive);
  result.resize(std::min(result.size(), most));
  note_holders(result, of_all);
  return result;
}

void note_holders(std::vector<remembered_member>& members, const holders& of_all) {
  for (auto& one : members)
    if (const auto known = of_all.find(one.id); known != of_all.end())
      one.kept_since = known->second;
}

holders holders_among(const std::vector<remembered_member>& members) {
  holders result;
  for (const auto& one : members)
    if (one.kept_since)
      result.emplace(one.id, *one.kept_since);
  return result;
}

std::string encode(const std::vector<remembered_member>& members) {
  wire::writer out;
  out.u8(format_version);
  out.varint(members.size());
  for (const auto& [id, address, was_alive, kept_since] : members) {
    encode(out, id);
    out.bytes(address);
    out.u8((was_alive ? alive_flag : 0) | (kept_since ? holder_flag : 0));
    if (kept_since)
      encode(out, *kept_since);
    wire::end_fields(out); // what later versions say of a member
  }
  return std::move(out).take();
}

wire::decoded<std::vector<remembered_member>> decode_remembered(std::string_view bytes) {
  wire::reader in{bytes};
  const auto version = in.u8();
  if (version < format_without_holders || version > format_version)
    in.fail("unknown version of the remembered members");
  std::vector<remembered_member> result;
  auto left = in.count(member_bytes_min);
  if (left > 2 * members_max)
    in.fail("too many members");
  for (; left > 0 && in.ok(); --left) {
    auto& one = result.emplace_back();
    one.id = decode_node_id(in);
    one.address = in.bytes(address_bytes_max);
    const auto flags = in.u8();
    if (flags > (version == format_without_holders ? alive_flag : (alive_flag | holder_flag)))
      in.fail("unknown flag of a remembered member");
    one.was_alive = (flags & alive_flag) != 0;
    if ((flags & holder_flag) != 0)
      one.kept_since = decode_session_id(in);
    if (version > format_without_fields)
      wire::skip_fields(in);
  }
  wire::expect_end_or_fields(in);
  if (!in.ok())
    return in.error();
  return result;
}

std::vector<std::string> addresses_of(const std::vector<remembered_member>& members) {
  const bool is_any_alive = std::ranges::any_of(members, &remembered_member::was_alive);
  std::vector<std::string> result;
  for (const auto& one : members)
    if ((one.was_alive || !is_any_alive) && std::ranges::count(result, one.address) == 0)
      result.push_back(one.address);
  return result;
}

} // namespace starling::membership
