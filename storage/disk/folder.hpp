#pragma once

// The data folder of a node: it holds a file `format`, which says what the folder is and in which
// version, below `rows` what the node keeps, and a file `life` (life.hpp). A backup also holds a
// file `identity`, with the node's id, where a node looks for it that is not told otherwise.
//
// A folder that was made by a later version is left as it is. One of format 1 is taken into use,
// and says so until somebody has migrated its rows. While one process uses a folder, no other gets
// it. Nothing but a migration writes to the file `format` again, so that it tells the folder from a
// copy of it.

#include "storage/file_stamp.hpp"
#include "storage/store.hpp"
#include "system/descriptor.hpp"
#include "wire/result.hpp"

namespace starling::storage {

/// A folder in use, until this is destroyed.
class folder {
public:
  const std::string& path() const { return path_; }

  /// Where the rows are; nothing is there at first.
  std::string rows() const { return path_ + "/rows"; }

  /// The file `format`.
  const file_stamp& format_file() const { return format_file_; }

  /// Whether the rows are those of format 1 (storage/first_layout.hpp).
  bool is_of_format_1() const { return is_of_format_1_; }

  /// Has the folder be one of this version; older binaries refuse it from now on. The file `format`
  /// stays the same one, and keeps the time at which it was written. Survives a power failure once
  /// this returns.
  wire::possible<failure> become_present();

private:
  friend wire::result<folder, failure> open_data_folder(const std::string& path);
  folder(std::string path, system::descriptor format, const file_stamp& format_file,
         bool is_of_format_1)
      : path_(std::move(path)), format_(std::move(format)), format_file_(format_file),
        is_of_format_1_(is_of_format_1) {}

  std::string path_;
  system::descriptor format_; // locked
  file_stamp format_file_;
  bool is_of_format_1_;
};

/// Takes a data folder into use. One that is missing is made, if only it is missing, for the eyes
/// of its owner; one that is empty becomes a data folder. So does the root of a new volume, which
/// may hold what its filesystem put there, such as lost+found.
wire::result<folder, failure> open_data_folder(const std::string& path);

/// Makes a data folder of one that holds rows and has no file `format`. Both survive a power
/// failure once this returns, if the rows do.
wire::possible<failure> make_format(const std::string& path);

} // namespace starling::storage
