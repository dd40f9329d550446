#include "storage/disk/folder_watch.hpp"

#include <cerrno>
#include <cstring>
#include <sys/stat.h>

namespace starling::storage {

namespace {

/// Whether an error says that there is no such file, rather than that nobody can tell.
bool says_missing(int error) {
  return error == ENOENT || error == ENOTDIR || error == ESTALE;
}

} // namespace

folder_watch::folder_watch(const std::string& data_folder)
    : folder_(data_folder), format_path_(data_folder + "/format"),
      rows_path_(data_folder + "/rows"), current_path_(data_folder + "/rows/CURRENT") {
  int error = 0;
  format_ = id_of(format_path_, error);
  rows_ = id_of(rows_path_, error);
  had_current_ = id_of(current_path_, error).has_value();
}

std::optional<std::string> folder_watch::missing() const {
  const auto complaint = [this](const std::string& path, const std::optional<file_id>& wanted,
                                bool is_replaced_by_itself) -> std::optional<std::string> {
    int error = 0;
    const auto found = id_of(path, error);
    if (!found && says_missing(error))
      return "the data folder " + folder_ + " was removed, or is not mounted any more: " + path +
             ": " + std::strerror(error);
    if (found && !is_replaced_by_itself && found != wanted)
      return "the data folder " + folder_ + " is another one by now: " + path +
             " is not the file that this process has open";
    return std::nullopt;
  };
  std::optional<std::string> result;
  if (format_)
    result = complaint(format_path_, format_, false);
  if (!result && rows_)
    result = complaint(rows_path_, rows_, false);
  if (!result && had_current_)
    result = complaint(current_path_, std::nullopt, true);
  return result;
}

std::optional<folder_watch::file_id> folder_watch::id_of(const std::string& path, int& error) {
  struct stat found {};
  if (::stat(path.c_str(), &found) == 0)
    return file_id{found.st_dev, found.st_ino};
  error = errno;
  return std::nullopt;
}

} // namespace starling::storage
