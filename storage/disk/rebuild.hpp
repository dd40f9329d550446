#pragma once

// Rows of a data folder of which some are damaged are rebuilt when the folder is opened: what is
// whole is salvaged to new rows, which then take the place of the old ones. So are the rows of
// format 1, damaged or not, for the new ones have other names: that is the migration.
//
// It is ordered by whoever comes upon the damage, by a note in the folder, and done by the next
// process that opens it. Whenever that ends, the next one goes on or begins anew: at each moment
// the old rows are there or the new ones are complete. Until it is over, the folder needs room for
// both.
//
// Where files of the old rows are missing, or nobody knows which there should be, that is done only
// if somebody has given up what is lost. Then the new rows are made of what is left
// (leftover_files.hpp), and the old ones are kept beside them as `rows.damaged`.
//
// A migration has one moment at which it has happened: when the file `format` says so. Before, the
// folder is one of format 1, and new rows count for nothing; since, complete new rows that do
// not have their place yet are given it.

#include "replication/digest.hpp"
#include "storage/disk/folder.hpp"
#include "storage/disk/rocks_store.hpp"
#include "storage/salvage.hpp"

#include <optional>
#include <string>

namespace starling::storage {

/// Has the rows rebuilt, for this reason. Survives a power failure once this returns.
wire::possible<failure> order_rebuild(const std::string& data_folder, const std::string& why);

struct rebuilt {
  std::string why; // empty if only the version was another one
  salvaged rows;
  std::optional<std::string> kept_in{}; // the old rows, if they are
};

/// Rebuilds the rows if that was ordered, or if they are those of format 1; nothing if not.
found<std::optional<rebuilt>> rebuild_if_ordered(folder& data, const rocks_settings& settings,
                                                 const replication::digester& digests);

} // namespace starling::storage
