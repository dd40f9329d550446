#pragma once

// The rows of tallies: how many changes this node has committed, and what it knows of others
// (replication/tallies.hpp). What is counted stands in the batch of the change, and what others
// told in one with what they brought.

#include "replication/tallies.hpp"
#include "storage/reading.hpp"

namespace starling::storage {

/// How many changes of its own the node has committed; 0 without a row.
found<std::uint64_t> read_own_changes(const snapshot& at);
void put_own_changes(batch& into, std::uint64_t changes);

/// The count of a replica id that was given up for good: nobody may go on under it, however far an
/// older copy of the disk got.
inline constexpr std::uint64_t given_up_for_good = UINT64_MAX;

/// What was told of other nodes.
found<std::vector<replication::tally>> read_tallies(const snapshot& at);
void put_tally(batch& into, const replication::tally& told);
void erase_tally(batch& into, const crdt::replica_id& replica);

} // namespace starling::storage
