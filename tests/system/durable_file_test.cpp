#include "system/durable_file.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/resource.h>

namespace starling::system {
namespace {

std::string content_of(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

class DurableFile : public testing::Test {
protected:
  storage::temporary_folder folder;
  const std::string path = folder / "file";
};

TEST_F(DurableFile, ReplacesAFileAndLeavesNoDraft) {
  EXPECT_FALSE(replace_file(path, "first, and longer"));
  EXPECT_FALSE(replace_file(path, "second"));

  EXPECT_EQ(content_of(path), "second");
  EXPECT_FALSE(std::filesystem::exists(path + ".new"));
}

TEST_F(DurableFile, IsForItsOwnerOnly) {
  EXPECT_FALSE(replace_file(path, "secret"));

  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(path).permissions(), perms::owner_read | perms::owner_write);
}

TEST_F(DurableFile, TakesTheNameOnlyOnceItIsWritten) {
  EXPECT_FALSE(replace_file(path, "before"));

  const auto written = write_synced(path + ".draft", "after");
  ASSERT_TRUE(std::holds_alternative<descriptor>(written));
  EXPECT_EQ(content_of(path), "before");

  EXPECT_FALSE(put_in_place(path + ".draft", path));
  EXPECT_EQ(content_of(path), "after");
}

TEST_F(DurableFile, SaysWhatCouldNotBeDone) {
  const std::string missing = folder / "missing/file";
  const auto failed = replace_file(missing, "x");

  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->cannot, "cannot make " + missing + ".new");
  EXPECT_EQ(failed->number, ENOENT);
  EXPECT_EQ(put_in_place(missing, path).value().cannot, "cannot make " + path);
}

TEST_F(DurableFile, IsNotLeftHalfWrittenWhereThereIsNoRoom) {
  const auto write_beyond_the_limit = [this] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit four_bytes{4, 4};
    ::setrlimit(RLIMIT_FSIZE, &four_bytes);
    const auto written = write_synced(path, "12345678");
    const auto* failed = std::get_if<file_error>(&written);
    return failed != nullptr && failed->number == EFBIG && failed->cannot == "cannot write " + path;
  };
  EXPECT_EXIT(std::_Exit(write_beyond_the_limit() ? 0 : 1), testing::ExitedWithCode(0), "");
  EXPECT_FALSE(std::filesystem::exists(path));
}

} // namespace
} // namespace starling::system
