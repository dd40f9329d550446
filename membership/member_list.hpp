#pragma once

// The list of members that two nodes exchange over HTTP, from bytes and to bytes.
//
//   list    head  number of records varint  { record as bytes }*
//   head    version u8  range of versions  node id (16)  address bytes  name bytes
//   record  member  age of its state in seconds varint
//
// The head is the same in all versions of the protocol: it says who the sender is, in which version
// the rest is written, and which versions the sender speaks. So two nodes that speak no version in
// common can both say so. What follows behind all that is known in a record is skipped.

#include "membership/member.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace starling::membership {

/// Who sends a list.
struct list_head {
  std::uint8_t version = wire::spoken.newest; // of the records
  wire::protocol_range speaks = wire::spoken;
  node_id id;
  std::string address{}; // of its cluster listener
  std::string name{};    // for people

  friend bool operator==(const list_head&, const list_head&) = default;
};

struct listed_member {
  member who;
  std::uint64_t age = 0; // seconds in its state

  friend bool operator==(const listed_member&, const listed_member&) = default;
};

/// Begins a list; so many records are to follow.
void begin_list(wire::writer& out, const list_head& head, std::size_t records);
void add_to_list(wire::writer& out, const member& who, std::uint64_t age);

list_head decode_list_head(wire::reader& in);

/// What follows the head, to the end. Requires: a head of a version that this node speaks.
std::vector<listed_member> decode_list(wire::reader& in);

} // namespace starling::membership
