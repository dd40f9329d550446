#pragma once

// Saving what is whole of rows of which some cannot be read any more.
//
// Values are copied key by key, each only if all of it can be read and is what its digest says:
// half a set would claim to have seen events whose members it does not hold, and others would take
// those for removed. The rows that find a member by its event are made anew. Of what cannot be read
// the store that is copied to keeps which keys those may be (lost_keys.hpp).
//
// A damaged place that hides a newer row hides the older ones of that name, too, if the rows fail
// as a store's do: so nothing that was overwritten comes back. The replica id is left behind, and
// the next life takes a new one: what was lost may be events that it numbered.

#include "replication/digest.hpp"
#include "storage/lost_keys.hpp"
#include "storage/reading.hpp"

#include <cstdint>

namespace starling::storage {

struct salvaged {
  std::uint64_t kept = 0; // keys
  lost_keys lost;         // those that were lost before included
};

/// Copies what is whole to a store that is empty; all of it is synced then. Fails if the target
/// does, or where something else than damage keeps rows from being read: then the copy is good for
/// nothing.
found<salvaged> salvage(const moment& damaged, store& target, const replication::digester& digests);

} // namespace starling::storage
