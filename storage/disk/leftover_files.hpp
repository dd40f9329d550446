#pragma once

// What is left of rows of which nobody knows any more which files belong to them, or of which files
// are missing.
//
// All rows of all files that can be read are put together, the newest of each name, in a folder of
// their own; the old one is left as it is. Files of which a part is damaged are left out as a
// whole. So any row may be missing, or be there in an older state, and nothing tells: whoever uses
// this believes only what proves itself whole (salvage.hpp, where losses are silent).

#include "storage/disk/rocks_store.hpp"
#include "wire/result.hpp"

#include <memory>
#include <string>
#include <variant>

namespace starling::storage {

/// To be read only. Makes the folder `into` anew, and links files to those of `rows` there where it
/// can, so that this takes hardly any room.
wire::result<std::unique_ptr<store>, failure>
gather_leftovers(const std::string& rows, const std::string& into, const rocks_settings& settings);

} // namespace starling::storage
