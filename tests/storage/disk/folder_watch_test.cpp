#include "storage/disk/folder.hpp"
#include "storage/disk/folder_watch.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <filesystem>
#include <fstream>
#include <functional>
#include <gmock/gmock.h>

namespace starling::storage {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Presence : public ::testing::Test {
protected:
  Presence() { make(path); }

  static void make(const std::string& where) {
    EXPECT_TRUE(open_data_folder(where));
    fs::create_directory(where + "/rows");
    std::ofstream{where + "/rows/CURRENT"} << "MANIFEST-000001\n";
  }

  temporary_folder above;
  const std::string path = above / "data";
};

TEST_F(Presence, IsThatOfTheSameFiles) {
  const folder_watch seen{path};
  EXPECT_EQ(seen.missing(), std::nullopt);
  std::ofstream{path + "/rows/000001.sst"} << "rows";
  std::ofstream{path + "/rows/CURRENT.new"} << "MANIFEST-000002\n";
  fs::rename(path + "/rows/CURRENT.new", path + "/rows/CURRENT"); // as RocksDB replaces it
  EXPECT_EQ(seen.missing(), std::nullopt);
}

TEST_F(Presence, EndsWithWhateverIsTakenAway) {
  const std::function<void()> losses[] = {
      [&] { fs::remove_all(path); },
      [&] { fs::rename(path, above / "elsewhere"); },
      [&] { fs::remove_all(path + "/rows"); },
      [&] { fs::remove(path + "/rows/CURRENT"); },
      [&] { fs::remove(path + "/format"); },
      [&] { // another folder in its place, as of an older backup
        fs::remove_all(path + "-kept");
        fs::rename(path, path + "-kept"); // whose inodes nobody else gets meanwhile
        make(path);
      },
      [&] { // only its rows
        fs::rename(path + "/rows", path + "/rows-kept");
        fs::copy(path + "/rows-kept", path + "/rows", fs::copy_options::recursive);
      },
      [&] { // as where the volume is not mounted any more
        fs::rename(path, path + "-unmounted");
        fs::create_directory(path);
      },
  };
  for (const auto& lose : losses) {
    fs::remove_all(path);
    make(path);
    const folder_watch seen{path};
    lose();
    const auto missing = seen.missing();
    ASSERT_TRUE(missing) << "loss " << &lose - losses;
    EXPECT_THAT(*missing, HasSubstr(path));
  }
}

TEST_F(Presence, ComesBackWithTheSameFolder) {
  const folder_watch seen{path};
  fs::rename(path, above / "elsewhere");
  EXPECT_TRUE(seen.missing());
  fs::rename(above / "elsewhere", path);
  EXPECT_EQ(seen.missing(), std::nullopt);
}

TEST_F(Presence, AsksForNothingThatWasNeverThere) {
  EXPECT_EQ(folder_watch{above / "nothing"}.missing(), std::nullopt);
}

} // namespace
} // namespace starling::storage
