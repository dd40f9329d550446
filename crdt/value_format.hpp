#pragma once

#include <cstdint>

namespace starling::crdt {

/// The first byte of each encoded value. Encodings with a greater one are those of later versions.
inline constexpr std::uint8_t value_format = 1;

} // namespace starling::crdt
