#include "system/sync_names.hpp"

#include "system/descriptor.hpp"

#include <cerrno>
#include <fcntl.h>

namespace starling::system {

int sync_names(const std::filesystem::path& folder) {
  const descriptor opened{
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  return opened.number() < 0 || ::fsync(opened.number()) != 0 ? errno : 0;
}

} // namespace starling::system
