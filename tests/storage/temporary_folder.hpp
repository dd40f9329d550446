#pragma once

// A folder for one test, in memory where the machine has such a place: what survives a power
// failure is not left to the disk below in these tests, and syncing it takes most of their time.

#include <filesystem>
#include <stdexcept>
#include <stdlib.h>
#include <string>

namespace starling::storage {

class temporary_folder {
public:
  temporary_folder() {
    const bool has_memory = std::filesystem::is_directory("/dev/shm");
    const auto base = has_memory ? "/dev/shm" : std::filesystem::temp_directory_path();
    path_ = base / "starling_storage_XXXXXX";
    if (!::mkdtemp(path_.data()))
      throw std::runtime_error{"cannot make " + path_};
  }
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

private:
  std::string path_;
};

} // namespace starling::storage
