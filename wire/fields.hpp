#pragma once

// Values that are named by a number and have their length in front, so that whoever does not know a
// number skips it. How later versions add something without a new version of the protocol.
//
//   { number varint (> 0), bytes }*  0
//
// Numbers ascend, so each comes once and equal fields have equal bytes. A field never changes what
// it means or holds: what needs more has another number. Who writes a field knows that a receiver
// may skip it. Some receivers keep what they skip, and pass it on; their headers say so.

#include "wire/bytes.hpp"

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace starling::wire {

/// A field that is kept though nobody here knows it.
struct field {
  std::uint64_t number = 0;
  std::string bytes;

  friend auto operator<=>(const field&, const field&) = default;
};

inline void put_field(writer& out, std::uint64_t number, std::string_view bytes) {
  out.varint(number);
  out.bytes(bytes);
}

inline void end_fields(writer& out) {
  out.varint(0);
}

/// Reads all fields: `see(number, bytes)` for each, whether its number is known or not.
template <class See>
void read_fields(reader& in, See see) {
  for (std::uint64_t last = 0; in.ok();) {
    const auto number = in.varint();
    if (number == 0)
      return;
    if (number <= last)
      return in.fail("fields out of order");
    last = number;
    const auto bytes = in.bytes();
    if (in.ok())
      see(number, bytes);
  }
}

/// Reads past all fields.
inline void skip_fields(reader& in) {
  read_fields(in, [](std::uint64_t, std::string_view) {});
}

/// Reads past what a later version may have put behind a row on the disk: fields, or nothing.
inline void expect_end_or_fields(reader& in) {
  if (in.remaining() > 0)
    skip_fields(in);
  in.expect_end();
}

} // namespace starling::wire
