#include "system/standard_streams.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace starling::system {
namespace {

bool is_open(int number) {
  return ::fcntl(number, F_GETFD) != -1;
}

bool is_null_device(int number) {
  struct stat found {};
  struct stat wanted {};
  return ::fstat(number, &found) == 0 && ::stat("/dev/null", &wanted) == 0 &&
         found.st_rdev == wanted.st_rdev;
}

/// Whether the streams that are closed, one bit for each, come to be /dev/null, and no others.
/// Changes this process.
bool fills_only(int closed) {
  bool was_null[3];
  for (int number = 0; number < 3; ++number) {
    was_null[number] = is_null_device(number);
    if ((closed & (1 << number)) != 0)
      ::close(number);
  }
  fill_standard_streams();
  const int next = ::open("/dev/null", O_RDONLY);
  bool result = next > 2;
  for (int number = 0; number < 3; ++number)
    result = result && is_open(number) &&
             is_null_device(number) == (was_null[number] || (closed & (1 << number)) != 0);
  return result;
}

class StandardStreams : public testing::TestWithParam<int> {
protected:
  StandardStreams() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_P(StandardStreams, AreFilledWhereTheyAreClosed) {
  EXPECT_EXIT(std::_Exit(fills_only(GetParam()) ? 0 : 1), testing::ExitedWithCode(0), "");
}

INSTANTIATE_TEST_SUITE_P(EachSet, StandardStreams, testing::Range(0, 8));

TEST(StandardStreams, AreAllThatAProgramInheritsByExec) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        ::dup2(::open("/dev/null", O_RDONLY), 7); // open beyond an exec
        close_others_on_exec();
        const bool is_right = ::fcntl(7, F_GETFD) == FD_CLOEXEC && ::fcntl(2, F_GETFD) == 0;
        std::_Exit(is_right ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

} // namespace
} // namespace starling::system
