#pragma once

// The file `members` of a data folder: a copy of the row of the members that a node knows.
//
// Where rows are damaged that row may be gone, and it says who may bring back what is lost
// (lost_keys.hpp). So it is written once more outside of the rows, whenever it changes. The bytes
// are whatever the layer above makes of its members.

#include "storage/store.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace starling::storage {

/// Writes it so that it survives a power failure.
wire::possible<failure> keep_members(const std::string& folder, std::string_view bytes);

/// Empty if there is none, or if it is not what was written; so is one of more than 8 MiB.
std::string kept_members(const std::string& folder);

} // namespace starling::storage
