#include "storage/room.hpp"

#include "storage/descriptor.hpp"

#include <array>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace starling::storage {

namespace fs = std::filesystem;

bool has_room(const std::string& folder, std::uint64_t bytes) {
  std::error_code error;
  const auto space = fs::space(folder, error);
  if (error || space.available < bytes)
    return false;
  const auto probe = folder + "/probe";
  const descriptor file{::open(probe.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (file.number() < 0)
    return false;
  const std::array<char, 4096> page{};
  const bool is_taken = ::write(file.number(), page.data(), page.size()) == ssize_t{page.size()} &&
                        ::fsync(file.number()) == 0;
  ::unlink(probe.c_str());
  return is_taken;
}

std::uint64_t bytes_in(const std::string& folder) {
  std::uint64_t result = 0;
  std::error_code error;
  fs::recursive_directory_iterator at{folder, error};
  for (; !error && at != fs::recursive_directory_iterator{}; at.increment(error)) {
    std::error_code vanished;
    if (at->is_regular_file(vanished))
      if (const auto size = at->file_size(vanished); !vanished)
        result += size;
  }
  return result;
}

} // namespace starling::storage
