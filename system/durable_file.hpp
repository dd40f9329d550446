#pragma once

// Writing a file so that it survives a power failure: it is there as it was before or as it is now,
// never half of it.
//
// The bytes go to a draft beside the file. The draft is synced, takes the place of the file, and
// the folder is synced.

#include "system/descriptor.hpp"
#include "wire/result.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace starling::system {

/// What could not be done, as "cannot write /var/lib/x", and the number of the error.
struct file_error {
  std::string cannot;
  int number = 0;
};

/// Makes a file that only its owner can read, or empties it, and writes these bytes to the disk.
/// The file, still open. A file that could not be written wholly is removed, for even an empty one
/// may take the last room.
wire::result<descriptor, file_error> write_synced(const std::string& path, std::string_view bytes);

/// Gives a file that is synced another name, in the place of the file that has that name. Requires:
/// both are in one folder.
std::optional<file_error> put_in_place(const std::string& draft, const std::string& path);

/// Both: the draft is PATH.new.
std::optional<file_error> replace_file(const std::string& path, std::string_view bytes);

} // namespace starling::system
