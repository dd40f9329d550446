#pragma once

// Stamps of the files that a disk has (storage/file_stamp.hpp says what they tell).

#include "storage/file_stamp.hpp"
#include "storage/store.hpp"
#include "wire/result.hpp"

#include <string>
#include <variant>

namespace starling::storage {

/// The stamp of an open file; `path` is for the sentence about what goes wrong.
wire::result<file_stamp, failure> stamp_of(int descriptor, const std::string& path);

/// Whether some log among the rows in a folder is older than its birth.
bool has_copied_log(const std::string& rows);

} // namespace starling::storage
