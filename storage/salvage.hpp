#pragma once

// Saving what is whole of rows of which some cannot be read any more.
//
// Values are copied key by key, each only if all of it can be read and is what its digest says:
// half a value would claim to have seen events whose members it does not hold, and others would
// take those for removed. The digests are checked with our secret, unless a row says that they were
// made with another; then the numbers of its members are, which is not enough where losses are
// silent: there nothing is salvaged. The rows that find a member by its event
// are made anew. Rows that this version does not know are copied as they are. Of what cannot be
// read the store that is copied to keeps which keys those may be (lost_keys.hpp).
//
// A damaged place that hides a newer row hides the older ones of that name, too, if the rows fail
// as a store's do: so nothing that was overwritten comes back. Where rows are missing without a
// failure, an older state of a key may: one that it once had, so it does no harm to others, and
// nobody gets it here. The replica id is left behind, and
// the next life takes a new one: what was lost may be events that it numbered.
//
// Rows of format 1 are migrated in the same way. Those are not damaged, mostly, and then the
// replica id goes on.

#include "replication/digest.hpp"
#include "storage/lost_keys.hpp"
#include "storage/reading.hpp"
#include "storage/source_layout.hpp"

#include <cstdint>

namespace starling::storage {

struct salvaged {
  std::uint64_t kept = 0;    // keys
  lost_keys lost;            // those that were lost before included
  bool has_replica = false;  // the replica id goes on
  bool is_all_there = false; // no damage was met
};

/// Where rows come from.
struct source {
  const snapshot& rows;
  const source_layout& layout = present_layout();
  bool may_keep_replica = false; // unless damage is met: nobody numbered what is not here
};

/// How the loss of a row shows.
enum class loss : std::uint8_t {
  fails,  // whoever reads there fails
  silent, // not at all: older rows, or none, are there in its place
};

/// Copies what is whole to a store that is empty; all of it is synced then. Where losses are
/// silent, no key says whether it is the newest state of itself, or is missing: any may be lost.
/// Fails if the target does, or where something else than damage keeps rows from being read: then
/// the copy is good for nothing.
found<salvaged> salvage(const source& from, store& target, const replication::digester& digests,
                        loss shows);

} // namespace starling::storage
