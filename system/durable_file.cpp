#include "system/durable_file.hpp"

#include "system/sync_names.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace starling::system {

namespace {

/// 0, or the number of the error.
int write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(file, bytes.data(), bytes.size());
    if (written == 0)
      return ENOSPC;
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return errno;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

} // namespace

wire::result<descriptor, file_error> write_synced(const std::string& path, std::string_view bytes) {
  descriptor file{::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (file.number() < 0)
    return file_error{"cannot make " + path, errno};
  auto failed = write_all(file.number(), bytes);
  if (failed == 0 && ::fsync(file.number()) != 0)
    failed = errno;
  if (failed == 0)
    return file;
  ::unlink(path.c_str());
  return file_error{"cannot write " + path, failed};
}

std::optional<file_error> put_in_place(const std::string& draft, const std::string& path) {
  if (::rename(draft.c_str(), path.c_str()) != 0)
    return file_error{"cannot make " + path, errno};
  const auto folder = std::filesystem::path{path}.parent_path();
  if (const auto failed = sync_names(folder))
    return file_error{"cannot sync " + folder.string(), failed};
  return std::nullopt;
}

std::optional<file_error> replace_file(const std::string& path, std::string_view bytes) {
  const auto draft = path + ".new";
  auto written = write_synced(draft, bytes);
  if (!written)
    return std::move(written).error();
  return put_in_place(draft, path);
}

} // namespace starling::system
