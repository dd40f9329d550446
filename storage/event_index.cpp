#include "storage/event_index.hpp"

#include <algorithm>
#include <tuple>

namespace starling::storage {

namespace {

enum class said : std::uint8_t { held = 0, over = 1, over_for_one = 2 };
constexpr unsigned kinds = 4;
static_assert(block_events * kinds <= 256, "a token is a byte");

void put(wire::writer& row, crdt::event_number number, said what) {
  row.u8(static_cast<std::uint8_t>(number % block_events * kinds + static_cast<unsigned>(what)));
}

void put(wire::writer& row, const crdt::payload& member) {
  row.varint(member.data.size() + 1);
  row.u8(static_cast<std::uint8_t>(member.kind));
  row.raw(member.data);
}

bool is_before(const indexed& a, const indexed& b) {
  return std::tie(a.place, a.member) < std::tie(b.place, b.member);
}

} // namespace

void put_held(wire::writer& row, crdt::event_number number, const crdt::payload& member) {
  put(row, number, said::held);
  put(row, member);
}

void put_over(wire::writer& row, crdt::event_number number) {
  put(row, number, said::over);
}

void put_over(wire::writer& row, crdt::event_number number, const crdt::payload& member) {
  put(row, number, said::over_for_one);
  put(row, member);
}

std::optional<std::vector<indexed>> read_index(std::string_view row) {
  std::vector<indexed> result;
  wire::reader in{row};
  while (in.ok() && in.remaining() > 0) {
    const auto token = in.u8();
    const unsigned place = token / kinds;
    switch (static_cast<said>(token % kinds)) {
    case said::held: {
      const indexed one{place, in.bytes()};
      // Mostly they come in their order.
      const auto at = std::upper_bound(result.begin(), result.end(), one, is_before);
      if (at == result.begin() || is_before(*std::prev(at), one))
        result.insert(at, one);
      break;
    }
    case said::over:
      std::erase_if(result, [place](const indexed& x) { return x.place == place; });
      break;
    case said::over_for_one: {
      const auto member = in.bytes();
      std::erase_if(result,
                    [&](const indexed& x) { return x.place == place && x.member == member; });
      break;
    }
    default:
      return std::nullopt;
    }
  }
  return in.ok() ? std::optional{std::move(result)} : std::nullopt;
}

std::string tidied(std::string row) {
  const auto held = read_index(row);
  if (!held)
    return row;
  wire::writer out;
  for (const auto& [place, member] : *held) {
    put(out, place, said::held);
    out.bytes(member);
  }
  return std::move(out).take();
}

} // namespace starling::storage
