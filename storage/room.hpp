#pragma once

// Whether a disk would take something, as far as that can be told without trying it.

#include <cstdint>
#include <string>

namespace starling::storage {

/// Whether there is room for so many bytes in a folder, and it takes a small file now.
bool has_room(const std::string& folder, std::uint64_t bytes);

/// What the files of a folder and those below it take. What vanishes meanwhile is not counted.
std::uint64_t bytes_in(const std::string& folder);

} // namespace starling::storage
