#include "storage/disk/rocks_failure.hpp"

#include "storage/disk/system_failure.hpp"

#include <cerrno>
#include <cstring>

namespace starling::storage {

namespace {

trouble kind_of(const rocksdb::Status& status, std::string_view text) {
  if (status.IsCorruption())
    return trouble::corrupted;
  if (status.IsIncomplete())
    return trouble::unread;
  if (status.IsPathNotFound())
    return trouble::missing;
  if (status.IsNoSpace())
    return trouble::full;
  if (status.IsIOError())
    for (const int error : {EDQUOT, EROFS, EACCES, EPERM})
      if (text.ends_with(std::strerror(error)))
        return trouble_of(error);
  return trouble::broken;
}

} // namespace

failure to_failure(const std::string& cannot, const rocksdb::Status& status) {
  const auto text = status.ToString();
  return {kind_of(status, text), cannot + ": " + text};
}

} // namespace starling::storage
