#pragma once

// Names one run of a process: 64 bits drawn at random at its start and never stored. So what was
// said to an earlier run can be told from what is said to this one.

#include "wire/bytes.hpp"

#include <compare>
#include <cstdint>
#include <string>

namespace starling::wire {

struct session_id {
  std::uint64_t bits = 0;

  friend auto operator<=>(const session_id&, const session_id&) = default;
};

/// 16 hexadecimal digits.
std::string to_string(const session_id& id);

/// Eight bytes, the most significant first.
void encode(writer& out, const session_id& id);
session_id decode_session_id(reader& in);

} // namespace starling::wire
