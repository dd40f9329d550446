#include "storage/disk/system_failure.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace starling::storage {
namespace {

TEST(SystemFailure, TellsRoomAndPermissionFromTheRest) {
  EXPECT_EQ(trouble_of(ENOSPC), trouble::full);
  EXPECT_EQ(trouble_of(EDQUOT), trouble::full);
  EXPECT_EQ(trouble_of(EROFS), trouble::read_only);
  EXPECT_EQ(trouble_of(EACCES), trouble::read_only);
  EXPECT_EQ(trouble_of(EPERM), trouble::read_only);
  EXPECT_EQ(trouble_of(EIO), trouble::broken);
}

TEST(SystemFailure, SaysWhatCouldNotBeDone) {
  EXPECT_EQ(system_failure("cannot write x", ENOSPC),
            (failure{trouble::full, "cannot write x: No space left on device"}));
}

} // namespace
} // namespace starling::storage
