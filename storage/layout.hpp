#pragma once

// Which rows a store has, and what is in them.
//
// A key has one head row. It holds the whole of a value that is kept in one row; of one that has
// rows (crdt/rows.hpp) it holds what the value has seen, and each member has a row of its own: of
// a set the member's clock. So a write costs the rows that
// it touches, however large the value is. The index finds the members by their events
// (event_index.hpp): what a delta has seen and does not hold is removed. Rows of the list are there
// to list keys in the order of their types and names.
//
//   k slot type name                          -> digest, then the value (sizes, and what is seen)
//   l type name                               -> nothing
//   m slot type size name member              -> row, as its type encodes it
//   e slot type size name live replica block  -> which members events of the block hold
//   a name in the list, and z name in the list -> name in the list: what stands from the one up to
//                                                the other is lost
//   n what                                    -> something about the node itself
//
// The first letters stand for themselves. A slot (crdt/slot.hpp) is two bytes, the numbers of a
// slot and a block are big-endian so that rows stand in their order, `size name` is the key's, and
// all else is encoded as in messages. So all rows of a partition are three ranges, and its heads
// name its rows of the list.

#include "crdt/slot.hpp"
#include "crdt/value.hpp"
#include "replication/digest.hpp"
#include "storage/store.hpp"
#include "wire/bytes.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace starling::storage {

/// Where some rows begin, and where they end.
using row_range = std::pair<std::string, std::string>;

/// What is kept of a key in one row.
struct head {
  replication::digest digest; // of the whole value
  crdt::value value;          // of one with rows only what it has seen

  // Of the whole value with rows; nothing for other types.
  std::uint64_t members = 0;   // that are in it
  std::uint64_t dead = 0;      // entries that hold nobody
  std::uint64_t footprint = 0; // as crdt::value::footprint

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

row_range all_heads();

// -- the list --

/// Stands in the order of keys.
std::string listed_name(const crdt::key& key);

/// Of a type that this version does not know, too.
std::optional<crdt::key> key_of_listed(std::string_view name);

/// The keys of a type whose names begin with a prefix.
row_range listed_between(crdt::type type, std::string_view prefix);

row_range all_listed();

// -- members --

std::string member_name(const crdt::key& key, const crdt::payload& member);
std::optional<crdt::payload> member_of(const crdt::key& key, std::string_view name);

/// All members of a key.
row_range members_between(const crdt::key& key);

// -- the index --

/// The row of the block that an event belongs to.
std::string index_name(const crdt::key& key, const crdt::entry& event);

/// The number of the first event of the block of such a row.
std::optional<crdt::event_number> first_event_of(const crdt::key& key, std::string_view name);

/// The whole index of a key.
row_range index_of(const crdt::key& key);

/// The rows that say which members some events of a replica hold, or held when they were live.
row_range index_between(const crdt::key& key, bool live, const crdt::replica_id& replica,
                        const crdt::interval& events);

bool is_of_index(std::string_view name);

/// A row with all that was appended to it (`batch::append`), tidied if it is one of an index.
std::string appended(std::string_view name, std::string row);

/// The member that is meant by kind and data.
std::optional<crdt::payload> decode_member(std::string_view bytes);

/// Names of many rows of one key, as `member_name` and `index_name` give them, for less. Each is
/// valid until the next.
class row_names {
public:
  explicit row_names(const crdt::key& key);

  std::string_view member(const crdt::payload& member);
  std::string_view index(const crdt::entry& event);

private:
  wire::writer member_row_; // what the name of each begins with, and the latest one behind it
  wire::writer index_row_;
  std::size_t begin_; // where that is, in both
};

/// The index of a key as it is made anew: collects what is said of its events, row by row.
class index_rows {
public:
  explicit index_rows(const crdt::key& key) : names_(key) {}

  void add(const crdt::payload& member, std::span<const crdt::entry> events);

  /// Of the rows.
  std::size_t bytes() const { return bytes_; }

  /// Appends what was collected.
  void write(batch& into);

private:
  row_names names_;
  std::map<std::string, wire::writer, std::less<>> rows_;
  std::size_t bytes_ = 0;
};

/// The key that a row of a member or of the index belongs to.
std::optional<crdt::key> key_of_row(std::string_view name);

// -- partitions --

/// All rows of the keys of a partition but for those of the list.
std::array<row_range, 3> rows_of(crdt::partition p);

// -- what is lost --

/// These rows are there twice, before and behind all others, so that damage in one place leaves
/// one.
enum class lost_copy : std::uint8_t { first, second };

std::string lost_row(lost_copy which, std::string_view first_listed);

row_range all_lost_rows(lost_copy which);

// -- the node itself --

std::string node_row(std::string_view what);

row_range all_node_rows();

/// The ranges of all rows whose first letter this version does not know.
std::vector<row_range> all_unknown_rows();

/// The name after all names that begin with this one. Requires: it does not end in 0xff.
std::string after_all_of(std::string_view prefix);

} // namespace starling::storage
