#include "storage/disk/members_file.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace starling::storage {
namespace {

class MembersFile : public testing::Test {
protected:
  std::string folder() const { return above_ / "data"; }
  MembersFile() { std::filesystem::create_directory(folder()); }

  temporary_folder above_;
};

TEST_F(MembersFile, GivesWhatWasKeptLast) {
  EXPECT_EQ(kept_members(folder()), "");
  ASSERT_FALSE(keep_members(folder(), "some"));
  ASSERT_FALSE(keep_members(folder(), std::string{"\0\n\xff", 3}));
  EXPECT_EQ(kept_members(folder()), (std::string{"\0\n\xff", 3}));
}

TEST_F(MembersFile, GivesNothingIfItIsNotWhatWasWritten) {
  ASSERT_FALSE(keep_members(folder(), "members"));
  const auto path = folder() + "/members";
  const auto size = std::filesystem::file_size(path);
  for (std::uintmax_t at = 0; at < size; ++at) {
    ASSERT_FALSE(keep_members(folder(), "members"));
    std::fstream file{path, std::ios::in | std::ios::out | std::ios::binary};
    file.seekg(static_cast<std::streamoff>(at));
    const auto byte = static_cast<char>(file.get() ^ 1);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte);
    file.close();
    EXPECT_EQ(kept_members(folder()), "") << at;
  }
  std::filesystem::resize_file(path, size - 1);
  EXPECT_EQ(kept_members(folder()), "");
}

TEST_F(MembersFile, IsNotReadBeyondItsBound) {
  ASSERT_FALSE(keep_members(folder(), std::string(7 << 20, 'm')));
  EXPECT_EQ(kept_members(folder()).size(), std::size_t{7} << 20);
  ASSERT_FALSE(keep_members(folder(), std::string(8 << 20, 'm')));
  EXPECT_EQ(kept_members(folder()), "");
}

TEST_F(MembersFile, SaysWhyItCannotBeKept) {
  EXPECT_TRUE(keep_members(above_ / "nowhere", "members"));
}

} // namespace
} // namespace starling::storage
