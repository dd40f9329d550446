#pragma once

// Whether the data folder that a process has open is still where it was.
//
// Files that were removed, or whose volume was unmounted, can be read and written through open
// descriptors for as long as these are open. Whatever is written to them is lost when the process
// ends. So whoever answers for the disk looks whether the names still lead to the same files.

#include <cstdint>
#include <optional>
#include <string>

namespace starling::storage {

class folder_watch {
public:
  /// Notes which files the data folder has now. What is not there is not looked for.
  explicit folder_watch(const std::string& data_folder);

  /// A sentence about what is missing or is another file by now; nothing if all is there. The
  /// folder may come back, and is the same one then. A look costs microseconds.
  std::optional<std::string> missing() const;

private:
  struct file_id {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    friend bool operator==(const file_id&, const file_id&) = default;
  };
  static std::optional<file_id> id_of(const std::string& path, int& error);

  std::string folder_;
  std::string format_path_;
  std::string rows_path_;
  std::string current_path_; // names the present list of the files of rows
  std::optional<file_id> format_;
  std::optional<file_id> rows_;
  bool had_current_ = false;
};

} // namespace starling::storage
