#pragma once

// What tells a file from every other one that this machine has or had, copies of it among them.
//
// Whoever copies a file makes another: it has another inode or, where that number was free again,
// another birth time, and nobody can set that. A file system without birth times has the time of
// the last change instead, of the file or of its owner and mode, which nobody can set either. The
// number of the device is no part of it: many file systems get another one each time that they are
// mounted.

#include <cstdint>

namespace starling::storage {

/// Times are nanoseconds since 1970; 0 where there is none, or where it is not known yet.
struct file_stamp {
  std::uint64_t inode = 0;
  std::uint64_t born_ns = 0;
  std::uint64_t changed_ns = 0;
  std::uint64_t modified_ns = 0; // anybody may set it
  std::uint64_t device = 0;      // that it is on now
  friend bool operator==(const file_stamp&, const file_stamp&) = default;
};

/// Whether a file that was seen earlier is the one that is seen now.
bool is_same_file(const file_stamp& before, const file_stamp& now);

/// Whether the file is older than its birth, as a copy that has the times of its original.
bool is_older_than_its_birth(const file_stamp& file);

} // namespace starling::storage
