#include "storage/disk/stamps.hpp"

#include "storage/disk/system_failure.hpp"
#include "system/descriptor.hpp"
#include "wire/result.hpp"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace starling::storage {

namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;

template <class Time>
std::uint64_t to_ns(const Time& t) {
  return static_cast<std::uint64_t>(t.tv_sec) * second_ns + static_cast<std::uint64_t>(t.tv_nsec);
}

} // namespace

wire::result<file_stamp, failure> stamp_of(int descriptor, const std::string& path) {
  struct statx found {};
  constexpr unsigned wanted = STATX_BASIC_STATS | STATX_BTIME;
  if (::statx(descriptor, "", AT_EMPTY_PATH, wanted, &found) == 0)
    return file_stamp{.inode = found.stx_ino,
                      .born_ns = (found.stx_mask & STATX_BTIME) != 0 ? to_ns(found.stx_btime) : 0,
                      .changed_ns = to_ns(found.stx_ctime),
                      .modified_ns = to_ns(found.stx_mtime),
                      .device = ::makedev(found.stx_dev_major, found.stx_dev_minor)};
  // Some sandboxes forbid the call that knows birth times.
  struct stat known {};
  if (::fstat(descriptor, &known) != 0)
    return system_failure("cannot look at " + path, errno);
  return file_stamp{.inode = known.st_ino,
                    .changed_ns = to_ns(known.st_ctim),
                    .modified_ns = to_ns(known.st_mtim),
                    .device = known.st_dev};
}

bool has_copied_log(const std::string& rows) {
  std::error_code error;
  std::filesystem::directory_iterator entry{rows, error};
  for (; !error && entry != std::filesystem::directory_iterator{}; entry.increment(error)) {
    if (entry->path().extension() != ".log")
      continue;
    const system::descriptor file{::open(entry->path().c_str(), O_RDONLY | O_CLOEXEC)};
    const auto stamp = stamp_of(file.number(), entry->path());
    if (stamp && is_older_than_its_birth(*stamp))
      return true;
  }
  return false;
}

} // namespace starling::storage
