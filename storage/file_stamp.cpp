#include "storage/file_stamp.hpp"

namespace starling::storage {

namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;

} // namespace

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
