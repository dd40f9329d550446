#pragma once

// Which rows a store has, and what is in them.
//
// A key has one head row. It holds the whole of a counter or register; of a set it holds what the
// set has seen, and each member has a row of its own with the member's clock. So a write costs the
// rows that it touches, however large the set is. For each entry of a clock there is a row that
// finds the member by the event: what a delta has seen and does not hold is removed.
//
//   k type name                             -> digest, then the value (a set's seen and sizes)
//   m size name member                      -> clock
//   e size name live replica number member  -> nothing
//   a name of a head, and z name of a head  -> name of a head: what stands from the one up to the
//                                              other is lost
//   n what                                  -> something about the node itself
//
// The first letters stand for themselves, `size name` is the set's, numbers of events are
// big-endian so that rows stand in their order, and all else is encoded as in messages. Heads stand
// in the order of their keys.

#include "crdt/value.hpp"
#include "replication/digest.hpp"
#include "storage/store.hpp"
#include "wire/bytes.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace starling::storage {

/// What is kept of a key in one row.
struct head {
  replication::digest digest; // of the whole value
  crdt::value value;          // of a set only what it has seen

  // Of the whole set; nothing for other types.
  std::uint64_t members = 0;   // that are in it
  std::uint64_t dead = 0;      // entries that hold nobody
  std::uint64_t footprint = 0; // as or_set::footprint

  friend bool operator==(const head&, const head&) = default;
};

// -- heads --

std::string head_name(const crdt::key& key);

/// Of a type that this version does not know, too.
std::optional<crdt::key> key_of_head(std::string_view name);

std::string encode(const head& h);
std::optional<head> decode_head(crdt::type type, std::string_view bytes);

/// Whether such a row holds a value in a format that this version does not know, as far as can be
/// told: later versions count formats on (crdt/value_format.hpp). Requires: the type is known.
bool is_of_newer_format(crdt::type type, std::string_view head_row);

/// Only the digest of such a row.
std::optional<replication::digest> digest_of_head(std::string_view bytes);

/// The same row with a digest of zero, which no value has: it is still to be made.
std::string without_digest(std::string_view head_row);

/// Where the heads of a type begin whose names begin with a prefix, and where they end.
std::pair<std::string, std::string> heads_between(crdt::type type, std::string_view prefix);

/// Where all heads begin and end.
std::pair<std::string, std::string> all_heads();

// -- members --

std::string member_name(const crdt::key& set, const crdt::payload& member);
std::optional<crdt::payload> member_of(const crdt::key& set, std::string_view name);
std::string encode(const crdt::or_set::clock& clock);
void encode(wire::writer& out, const crdt::or_set::clock& clock);
std::optional<crdt::or_set::clock> decode_clock(std::string_view bytes);

/// Where the members of a set begin and end.
std::pair<std::string, std::string> members_between(const crdt::key& set);

// -- entries --

std::string entry_name(const crdt::key& set, const crdt::or_set::entry& entry,
                       const crdt::payload& member);

/// The member of such a row.
std::optional<crdt::payload> member_of_entry(const crdt::key& set, std::string_view name);

/// Where all entries of a set begin and end.
std::pair<std::string, std::string> all_entries(const crdt::key& set);

/// Where the live or the dead entries of some events of a replica begin and end.
std::pair<std::string, std::string> entries_between(const crdt::key& set, bool live,
                                                    const crdt::replica_id& replica,
                                                    const crdt::interval& events);

/// Names of many rows of one set, as `member_name` and `entry_name` give them, for less. Each is
/// valid until the next.
class row_names {
public:
  explicit row_names(const crdt::key& set);

  std::string_view member(const crdt::payload& member);
  std::string_view entry(const crdt::or_set::entry& entry, const crdt::payload& member);

private:
  wire::writer member_row_; // what the name of each begins with, and the latest one behind it
  wire::writer entry_row_;
  std::size_t begin_; // where that is, in both
};

/// The set that a row of a member or an entry belongs to.
std::optional<crdt::key> set_of_row(std::string_view name);

// -- what is lost --

/// These rows are there twice, before and behind all others, so that damage in one place leaves
/// one.
enum class lost_copy : std::uint8_t { first, second };

std::string lost_row(lost_copy which, std::string_view first_head);

/// Where these begin and end.
std::pair<std::string, std::string> all_lost_rows(lost_copy which);

// -- the node itself --

std::string node_row(std::string_view what);

/// Where these begin and end.
std::pair<std::string, std::string> all_node_rows();

/// The ranges of all rows whose first letter this version does not know.
std::vector<std::pair<std::string, std::string>> all_unknown_rows();

/// The name after all names that begin with this one. Requires: it does not end in 0xff.
std::string after_all_of(std::string_view prefix);

} // namespace starling::storage
