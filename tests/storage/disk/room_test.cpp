#include "storage/disk/room.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>

namespace starling::storage {
namespace {

TEST(Room, IsThereUpToTheEndOfTheDisk) {
  const temporary_folder folder;
  const auto available = std::filesystem::space(folder.path()).available;
  EXPECT_TRUE(has_room(folder.path(), 1));
  EXPECT_TRUE(has_room(folder.path(), available / 2));
  EXPECT_FALSE(has_room(folder.path(), UINT64_MAX));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << "something is left over";
}

TEST(Room, IsNotWhereNoFileCanBeMade) {
  const temporary_folder folder;
  EXPECT_FALSE(has_room(folder / "missing", 1));
  std::ofstream{folder / "file"} << "x";
  EXPECT_FALSE(has_room(folder / "file", 1));
}

TEST(Room, IsMissedForAReason) {
  const temporary_folder folder;
  EXPECT_FALSE(lack_of_room(folder.path(), 0));
  const auto full = lack_of_room(folder.path(), UINT64_MAX);
  ASSERT_TRUE(full);
  EXPECT_EQ(full->kind, trouble::full);
  const auto missing = lack_of_room(folder / "missing", 0);
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->kind, trouble::broken) << missing->what;
}

TEST(Room, CountsTheBytesOfAllFiles) {
  const temporary_folder folder;
  EXPECT_EQ(bytes_in(folder.path()), 0u);
  EXPECT_EQ(bytes_in(folder / "missing"), 0u);
  std::ofstream{folder / "file"} << "12345";
  std::filesystem::create_directories(folder / "a/b");
  std::ofstream{folder / "a/b/file"} << "123";
  EXPECT_EQ(bytes_in(folder.path()), 8u);
}

} // namespace
} // namespace starling::storage
