#pragma once

// What users put in: the value of a register, a member of a set. Bytes, and what they mean.

#include "wire/bytes.hpp"

#include <compare>
#include <cstdint>
#include <string>

namespace starling::crdt {

enum class payload_kind : std::uint8_t {
  json = 1,  // a JSON text, kept to the letter
  text = 2,  // UTF-8
  bytes = 3, // anything
};

struct payload {
  payload_kind kind = payload_kind::text;
  std::string data;

  friend auto operator<=>(const payload&, const payload&) = default;
};

void encode(wire::writer& out, const payload& x);

/// Refuses text that is not UTF-8.
payload decode_payload(wire::reader& in);

} // namespace starling::crdt
