#include "storage/file_stamp.hpp"

#include "storage/system_failure.hpp"

#include <cerrno>
#include <fcntl.h>
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

std::variant<file_stamp, failure> stamp_of(int descriptor, const std::string& path) {
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

bool is_same_file(const file_stamp& before, const file_stamp& now) {
  if (before.inode != now.inode)
    return false;
  if (before.born_ns != 0 && now.born_ns != 0)
    return before.born_ns == now.born_ns;
  return before.changed_ns == 0 || before.changed_ns == now.changed_ns;
}

bool is_older_than_its_birth(const file_stamp& file) {
  return file.born_ns != 0 && file.modified_ns + second_ns < file.born_ns;
}

} // namespace starling::storage
