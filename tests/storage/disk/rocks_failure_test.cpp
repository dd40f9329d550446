#include "storage/disk/rocks_failure.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>

namespace starling::storage {
namespace {

using rocksdb::Status;

trouble kind_of(const Status& status) {
  return to_failure("cannot", status).kind;
}

TEST(RocksFailure, TellsRoomPermissionAndCorruptionFromTheRest) {
  EXPECT_EQ(kind_of(Status::NoSpace("While appending")), trouble::full);
  EXPECT_EQ(kind_of(Status::IOError("While appending", std::strerror(EDQUOT))), trouble::full);
  EXPECT_EQ(kind_of(Status::IOError("While open", std::strerror(EROFS))), trouble::read_only);
  EXPECT_EQ(kind_of(Status::IOError("While open", std::strerror(EACCES))), trouble::read_only);
  EXPECT_EQ(kind_of(Status::Corruption("block checksum mismatch")), trouble::corrupted);
  EXPECT_EQ(kind_of(Status::IOError("While appending", std::strerror(EIO))), trouble::broken);
  EXPECT_EQ(kind_of(Status::PathNotFound("While open")), trouble::missing);
  EXPECT_EQ(kind_of(Status::InvalidArgument("no")), trouble::broken);
}

TEST(RocksFailure, KeepsTheTextOfTheStatus) {
  EXPECT_EQ(to_failure("cannot commit", Status::Corruption("bad block")).what,
            "cannot commit: Corruption: bad block");
}

} // namespace
} // namespace starling::storage
