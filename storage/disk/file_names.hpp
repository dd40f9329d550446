#pragma once

// What the files in a folder of RocksDB are, by their names.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace starling::storage {

bool is_manifest(std::string_view name);
bool is_log(std::string_view name);

/// Requires: it is a log.
std::uint64_t log_number(std::string_view name);

/// The path of a file or folder, so that two of one are equal: normal, without a slash at its end.
std::filesystem::path without_slash(const std::string& path);

} // namespace starling::storage
