#include "storage/disk/stamps.hpp"
#include "system/descriptor.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <thread>

namespace starling::storage {
namespace {

class FileStamp : public ::testing::Test {
protected:
  static file_stamp of(const std::string& where) {
    const system::descriptor file{::open(where.c_str(), O_RDONLY | O_CLOEXEC)};
    const auto stamp = stamp_of(file.number(), where);
    EXPECT_TRUE(std::holds_alternative<file_stamp>(stamp));
    return std::get<file_stamp>(stamp);
  }

  void write(const std::string& where) { std::ofstream{where} << "text"; }

  temporary_folder above;
  const std::string path = above / "file";
};

TEST_F(FileStamp, IsTheSameAfterTheFileMoved) {
  write(path);
  const auto before = of(path);
  EXPECT_NE(before.inode, 0u);
  EXPECT_NE(before.changed_ns, 0u);
  std::filesystem::rename(path, above / "other");
  EXPECT_TRUE(is_same_file(before, of(above / "other")) || before.born_ns == 0);
}

TEST_F(FileStamp, IsAnotherOfACopyAndOfOneThatTookItsPlace) {
  write(path);
  const auto before = of(path);
  std::filesystem::copy(path, above / "copy");
  EXPECT_FALSE(is_same_file(before, of(above / "copy")));
  std::filesystem::remove(path);
  std::this_thread::sleep_for(std::chrono::milliseconds{20}); // a clock's tick, for file systems
  write(path);
  EXPECT_FALSE(is_same_file(before, of(path)));
}

TEST_F(FileStamp, DoesNotMindWhoOwnsTheFileIfItKnowsWhenItWasBorn) {
  write(path);
  const auto before = of(path);
  if (before.born_ns == 0)
    GTEST_SKIP() << "SKIPPED: this file system knows no births";
  std::this_thread::sleep_for(std::chrono::milliseconds{20});
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  EXPECT_TRUE(is_same_file(before, of(path)));
}

TEST_F(FileStamp, OfNoFileIsAFailure) {
  EXPECT_TRUE(std::holds_alternative<failure>(stamp_of(-1, "nothing")));
}

TEST(SameFile, GoesByBirthOrElseByChange) {
  const file_stamp file{.inode = 1, .born_ns = 2, .changed_ns = 3};
  EXPECT_TRUE(is_same_file(file, {.inode = 1, .born_ns = 2, .changed_ns = 9}));
  EXPECT_FALSE(is_same_file(file, {.inode = 9, .born_ns = 2, .changed_ns = 3}));
  EXPECT_FALSE(is_same_file(file, {.inode = 1, .born_ns = 9, .changed_ns = 3}));
  EXPECT_TRUE(is_same_file(file, {.inode = 1, .changed_ns = 3}));
  EXPECT_FALSE(is_same_file(file, {.inode = 1, .changed_ns = 9}));
  EXPECT_TRUE(is_same_file({.inode = 1}, {.inode = 1, .changed_ns = 9})) << "not known by then";
}

TEST(OlderThanItsBirth, IsACopyThatKeptItsTime) {
  constexpr std::uint64_t second = 1'000'000'000;
  EXPECT_FALSE(is_older_than_its_birth({.born_ns = 10 * second, .modified_ns = 10 * second}));
  EXPECT_FALSE(is_older_than_its_birth({.born_ns = 10 * second, .modified_ns = 11 * second}));
  EXPECT_TRUE(is_older_than_its_birth({.born_ns = 10 * second, .modified_ns = 8 * second}));
  EXPECT_FALSE(is_older_than_its_birth({.born_ns = 0, .modified_ns = 8 * second}));
}

bool knows_births(const std::string& path) {
  const system::descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  return std::get<file_stamp>(stamp_of(file.number(), path)).born_ns != 0;
}

TEST(CopiedLog, IsOneThatIsOlderThanItsBirth) {
  const temporary_folder rows;
  const std::filesystem::path folder = rows / "";
  EXPECT_FALSE(has_copied_log(rows / "missing"));
  std::ofstream{folder / "000004.log"} << "record";
  std::ofstream{folder / "000003.sst"} << "rows";
  EXPECT_FALSE(has_copied_log(folder));
  const auto earlier = std::filesystem::file_time_type::clock::now() - std::chrono::hours{1};
  std::filesystem::last_write_time(folder / "000003.sst", earlier);
  EXPECT_FALSE(has_copied_log(folder));
  std::filesystem::last_write_time(folder / "000004.log", earlier);
  if (!knows_births(folder / "000004.log"))
    GTEST_SKIP() << "SKIPPED: this file system knows no births";
  EXPECT_TRUE(has_copied_log(folder));
}

} // namespace
} // namespace starling::storage
