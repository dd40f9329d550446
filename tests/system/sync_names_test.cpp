#include "system/sync_names.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>

namespace starling::system {
namespace {

TEST(SyncNames, SaysWhyItFails) {
  const storage::temporary_folder folder;
  EXPECT_EQ(sync_names(folder.path()), 0);
  EXPECT_EQ(sync_names(""), 0) << "the current folder";
  EXPECT_EQ(sync_names(folder / "missing"), ENOENT);
  std::ofstream{folder / "file"} << "x";
  EXPECT_EQ(sync_names(folder / "file"), ENOTDIR);
}

} // namespace
} // namespace starling::system
