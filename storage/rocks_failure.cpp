#include "storage/rocks_failure.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace starling::storage {

namespace {

template <std::size_t Count>
bool ends_with_one_of(std::string_view text, const std::array<int, Count>& errors) {
  return std::ranges::any_of(errors, [&](int e) { return text.ends_with(std::strerror(e)); });
}

trouble kind_of(const rocksdb::Status& status, std::string_view text) {
  if (status.IsCorruption())
    return trouble::corrupted;
  if (!status.IsIOError())
    return trouble::broken;
  if (status.IsNoSpace() || ends_with_one_of(text, std::array{ENOSPC, EDQUOT}))
    return trouble::full;
  if (ends_with_one_of(text, std::array{EROFS, EACCES, EPERM}))
    return trouble::read_only;
  return trouble::broken;
}

} // namespace

failure to_failure(const std::string& cannot, const rocksdb::Status& status) {
  const auto text = status.ToString();
  return {kind_of(status, text), cannot + ": " + text};
}

} // namespace starling::storage
