#pragma once

// Which member of a value each event holds: rows of the index (layout.hpp), of some events each.
//
// A row says it of the events of one replica whose numbers belong to one block. It is only ever
// written by appending to it: that an event holds a member, or that it holds none any more. So an
// operation on many members whose numbers lie side by side writes few rows, and one that ends their
// events need not know which others share a row with them. A store tidies such a row when it comes
// across it: what is over goes, and a row that holds nothing is as good as none.
//
// An event that holds a member is new, or did so before; one that is over never comes back. What is
// over may thus be said twice, and a row may be tidied at any time, whatever somebody still reads.
//
// A token is a byte, the place of the event in its block * 4 + what is said of it; behind it,
// unless the event is over for whomever it held, stands the member as bytes: kind u8, data.

#include "crdt/causal_context.hpp"
#include "crdt/payload.hpp"
#include "wire/bytes.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::storage {

/// Events of one replica with numbers in a row that share a row of the index.
inline constexpr unsigned block_events = 32;

constexpr std::uint64_t block_of(crdt::event_number number) {
  return number / block_events;
}

/// Says that an event holds a member.
void put_held(wire::writer& row, crdt::event_number number, const crdt::payload& member);

/// Says that an event holds nobody any more.
void put_over(wire::writer& row, crdt::event_number number);

/// Says that an event does not hold this member any more.
void put_over(wire::writer& row, crdt::event_number number, const crdt::payload& member);

/// What a row says in the end.
struct indexed {
  unsigned place = 0;      // of the event in its block
  std::string_view member; // as kind and data
};

/// By event, then by member; nothing if the row is not what was written. Valid as long as the row.
std::optional<std::vector<indexed>> read_index(std::string_view row);

/// The row that says the same and nothing that is over: equal contents make equal rows. One that is
/// not what was written stays as it is.
std::string tidied(std::string row);

} // namespace starling::storage
