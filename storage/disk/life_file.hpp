#pragma once

// The file `life` of a data folder, which each life of a node makes anew: a word drawn at random,
// in a file of its own.
//
// The rows remember word and file. A folder that somebody set back holds the word of an earlier
// life, in a file that was not there then, or the rows of an earlier life beside the file of a
// later one. So that no kill in between looks like that, a life first drafts its file, then has the
// rows accept both the present one and the draft, then puts the draft into its place.

#include "storage/life.hpp"
#include "storage/reading.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace starling::storage {

/// That of a data folder; nothing if it has none that can be understood.
found<std::optional<life>> read_life(const std::string& folder);

/// Makes the file of a new life beside the present one. Its time of change is still to come.
found<life> draft_life(const std::string& folder, std::uint64_t high, std::uint64_t low);

/// Puts the draft into its place, so that it survives a power failure.
found<life> put_life_in_place(const std::string& folder);

} // namespace starling::storage
