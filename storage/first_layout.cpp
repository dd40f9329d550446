#include "storage/first_layout.hpp"

namespace starling::storage::first_layout {

namespace {

std::string begin_of_row(char letter, const crdt::key& set) {
  wire::writer out;
  out.u8(static_cast<std::uint8_t>(letter));
  out.bytes(set.name);
  return std::move(out).take();
}

row_range all_of(std::string first) {
  auto end = after_all_of(first);
  return {std::move(first), std::move(end)};
}

/// What stands behind the beginning of such a row.
std::optional<std::string_view> rest_of_row(char letter, const crdt::key& set,
                                            std::string_view name) {
  const auto begin = begin_of_row(letter, set);
  if (!name.starts_with(begin))
    return std::nullopt;
  return name.substr(begin.size());
}

} // namespace

row_range all_heads() {
  return {"k", "l"};
}

std::optional<crdt::key> key_of_head(std::string_view name) {
  if (!name.starts_with('k'))
    return std::nullopt;
  return key_of_listed("l" + std::string{name.substr(1)});
}

row_range listed(const row_range& heads) {
  // Only the first letter is another one, and the name behind all heads is a letter.
  const auto next = [](std::string name) {
    if (!name.empty())
      ++name[0];
    return name;
  };
  return {next(heads.first), next(heads.second)};
}

row_range members_between(const crdt::key& set) {
  return all_of(begin_of_row('m', set));
}

std::optional<crdt::payload> member_of(const crdt::key& set, std::string_view name) {
  const auto rest = rest_of_row('m', set, name);
  return rest ? decode_member(*rest) : std::nullopt;
}

row_range entries_of(const crdt::key& set) {
  return all_of(begin_of_row('e', set));
}

std::optional<entry> read_entry(const crdt::key& set, std::string_view name) {
  const auto rest = rest_of_row('e', set, name);
  if (!rest)
    return std::nullopt;
  wire::reader in{*rest};
  entry result;
  result.event.live = in.u8() == 1;
  result.event.replica = crdt::decode_replica_id(in);
  result.event.number = 0;
  for (int i = 0; i < 8; ++i)
    result.event.number = result.event.number << 8 | in.u8();
  auto member = decode_member(in.raw(in.remaining()));
  if (!in.ok() || !member)
    return std::nullopt;
  result.member = std::move(*member);
  return result;
}

} // namespace starling::storage::first_layout
