#pragma once

// Which types of values a node reads. Two nodes exchange and compare the keys of those types that
// both read: so a node that has keys of a type and one that does not know that type agree on the
// rest, and come to an end.

#include "crdt/value.hpp"
#include "wire/protocol.hpp"

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>

namespace starling::replication {

class type_set {
public:
  type_set() = default;

  /// Those that this version knows.
  static type_set known();

  void insert(crdt::type t) { bits_.set(static_cast<std::uint8_t>(t)); }
  void erase(crdt::type t) { bits_.reset(static_cast<std::uint8_t>(t)); }
  bool contains(crdt::type t) const { return bits_.test(static_cast<std::uint8_t>(t)); }

  /// Whether the other set has all of these, too.
  bool is_within(const type_set& other) const { return (bits_ & ~other.bits_).none(); }

  friend bool operator==(const type_set&, const type_set&) = default;

private:
  std::bitset<256> bits_;
};

/// The numbers of the types, ascending, a byte each.
std::string encode(const type_set& types);
wire::decoded<type_set> decode_type_set(std::string_view bytes);

/// What a node reads of what others write.
struct dialect {
  wire::protocol_range speaks = wire::spoken;
  type_set reads = type_set::known();
};

/// How a peer is written to: in that version of the protocol, of those types.
struct peer_dialect {
  std::uint8_t version = wire::spoken.newest;
  type_set reads = type_set::known();

  friend bool operator==(const peer_dialect&, const peer_dialect&) = default;
};

} // namespace starling::replication
