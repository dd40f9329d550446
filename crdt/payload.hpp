#pragma once

// What users put in: the value of a register, a member of a set. Bytes, and what they mean.

#include "wire/bytes.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

namespace starling::crdt {

enum class payload_kind : std::uint8_t {
  json = 1,  // a JSON text, kept to the letter
  text = 2,  // UTF-8
  bytes = 3, // anything
};

/// What a byte of an encoding stands for, if it is a kind of payload.
constexpr std::optional<payload_kind> payload_kind_of(std::uint8_t number) {
  if (number < 1 || number > static_cast<std::uint8_t>(payload_kind::bytes))
    return std::nullopt;
  return static_cast<payload_kind>(number);
}

struct payload {
  payload_kind kind = payload_kind::text;
  std::string data;

  friend auto operator<=>(const payload&, const payload&) = default;
};

void encode(wire::writer& out, const payload& x);

/// Refuses text that is not UTF-8.
payload decode_payload(wire::reader& in);

} // namespace starling::crdt
