#pragma once

// Where a key belongs: its slot and its partition. Both come from the name alone, so a counter and
// a set of one name are neighbours wherever keys are spread: over rows, hash trees, shards, and one
// day over nodes.
//
// Slots are those of Redis Cluster: CRC16 (XMODEM) of the name modulo 16384. If the name holds a
// tag, the text between its first `{` and the next `}`, and the tag is not empty, then only the tag
// counts: `{ann}.cart` and `{ann}.orders` share a slot.

#include <cstdint>
#include <string_view>

namespace starling::crdt {

inline constexpr unsigned slot_bits = 14;
inline constexpr std::uint16_t slots = 1 << slot_bits;

/// 0 to 16383.
std::uint16_t slot_of(std::string_view name);

/// What moves as a whole: 4 neighbouring slots.
enum class partition : std::uint16_t {};
inline constexpr std::uint16_t slots_each = 4;
inline constexpr std::uint16_t partitions = slots / slots_each;

constexpr partition partition_of(std::uint16_t slot) {
  return partition{static_cast<std::uint16_t>(slot / slots_each)};
}

} // namespace starling::crdt
