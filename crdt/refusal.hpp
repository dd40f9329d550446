#pragma once

// Why a value refuses a command.

#include <cstdint>
#include <string_view>

namespace starling::crdt {

enum class refusal : std::uint8_t {
  counter_range = 1, // the value would leave the signed 64-bit range
  exhausted = 2,     // no stamp or event number is left: only forged ones lead here
};

/// A sentence for people.
std::string_view to_string(refusal r);

} // namespace starling::crdt
