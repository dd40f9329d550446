#pragma once

// Whether a disk would take something, as far as that can be told without trying it.

#include "storage/store.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace starling::storage {

/// Why a folder has no room for so many bytes, or takes no small file now; nothing if it has room.
wire::possible<failure> lack_of_room(const std::string& folder, std::uint64_t bytes);

bool has_room(const std::string& folder, std::uint64_t bytes);

/// What the files of a folder and those below it take. What vanishes meanwhile is not counted.
std::uint64_t bytes_in(const std::string& folder);

} // namespace starling::storage
