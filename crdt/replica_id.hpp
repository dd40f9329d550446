#pragma once

// Who numbers events, and the events themselves.
//
// A replica id is 128 random bits, drawn by the node that uses it and never used by another. A dot
// names one event of one replica; the events of a replica are numbered 1, 2, 3, ... per value, and
// no number is ever used twice.

#include "wire/bytes.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <string>

namespace starling::crdt {

struct replica_id {
  std::array<std::uint8_t, 16> bytes{};

  /// Makes an id of 128 bits that the caller drew at random.
  static replica_id from(std::uint64_t high, std::uint64_t low);

  friend auto operator<=>(const replica_id&, const replica_id&) = default;
};

/// 32 hexadecimal digits.
std::string to_string(const replica_id& id);

void encode(wire::writer& out, const replica_id& id);
replica_id decode_replica_id(wire::reader& in);

/// The number of an event, from 1 on; below 2^63.
using event_number = std::uint64_t;
inline constexpr event_number event_number_max = (event_number{1} << 63) - 1;

struct dot {
  replica_id replica;
  event_number number = 0;

  friend auto operator<=>(const dot&, const dot&) = default;
};

/// Per replica the last of a run of events that starts at 1: what a reader of one set member has
/// observed.
using version_vector = std::map<replica_id, event_number>;

void encode(wire::writer& out, const version_vector& vector);
version_vector decode_version_vector(wire::reader& in);

} // namespace starling::crdt
