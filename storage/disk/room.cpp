#include "storage/disk/room.hpp"

#include "storage/disk/system_failure.hpp"
#include "system/descriptor.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace starling::storage {

namespace fs = std::filesystem;

wire::possible<failure> lack_of_room(const std::string& folder, std::uint64_t bytes) {
  std::error_code error;
  const auto space = fs::space(folder, error);
  if (error)
    return system_failure("cannot look for room in " + folder, error.value());
  if (space.available < bytes)
    return failure{trouble::full, "no room is left in " + folder + ": " +
                                      std::to_string(space.available) + " of " +
                                      std::to_string(bytes) + " bytes"};
  const auto probe = folder + "/probe";
  const auto cannot = "cannot write " + probe;
  const system::descriptor file{
      ::open(probe.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (file.number() < 0)
    return system_failure(cannot, errno);
  const std::array<char, 4096> page{};
  const auto written = ::write(file.number(), page.data(), page.size());
  int failed = written < 0 ? errno : written != ssize_t{page.size()} ? ENOSPC : 0;
  if (failed == 0 && ::fsync(file.number()) != 0)
    failed = errno;
  ::unlink(probe.c_str());
  return failed == 0 ? std::nullopt : std::optional{system_failure(cannot, failed)};
}

bool has_room(const std::string& folder, std::uint64_t bytes) {
  return !lack_of_room(folder, bytes);
}

std::uint64_t bytes_in(const std::string& folder) {
  std::uint64_t result = 0;
  std::error_code error;
  fs::recursive_directory_iterator at{folder, fs::directory_options::skip_permission_denied, error};
  for (; !error && at != fs::recursive_directory_iterator{}; at.increment(error)) {
    std::error_code vanished;
    if (at->is_regular_file(vanished))
      if (const auto size = at->file_size(vanished); !vanished)
        result += size;
  }
  return result;
}

} // namespace starling::storage
