#include "storage/disk/system_failure.hpp"

#include <cerrno>
#include <cstring>

namespace starling::storage {

trouble trouble_of(int error) {
  switch (error) {
  case ENOSPC:
  case EDQUOT:
    return trouble::full;
  case EROFS:
  case EACCES:
  case EPERM:
    return trouble::read_only;
  default:
    return trouble::broken;
  }
}

failure system_failure(const std::string& cannot, int error) {
  return {trouble_of(error), cannot + ": " + std::strerror(error)};
}

} // namespace starling::storage
