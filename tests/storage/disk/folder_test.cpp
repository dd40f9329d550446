#include "storage/disk/folder.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <set>
#include <sstream>
#include <sys/stat.h>
#include <thread>

namespace starling::storage {
namespace {

using ::testing::HasSubstr;

class Folder : public ::testing::Test {
protected:
  folder prepared() {
    auto result = open_data_folder(path);
    if (const auto* failed = std::get_if<failure>(&result))
      throw std::runtime_error{failed->what};
    return std::get<folder>(std::move(result));
  }

  std::string refused() {
    const auto result = open_data_folder(path);
    const auto* failed = std::get_if<failure>(&result);
    EXPECT_TRUE(failed) << "it was taken into use";
    return failed ? failed->what : "";
  }

  void write(const std::string& name, const std::string& text) {
    std::ofstream{path + "/" + name, std::ios::binary} << text;
  }

  std::string text(const std::string& name) {
    std::ostringstream result;
    result << std::ifstream{path + "/" + name}.rdbuf();
    return result.str();
  }

  std::set<std::string> files() {
    std::set<std::string> result;
    for (const auto& entry : std::filesystem::directory_iterator{path})
      result.insert(entry.path().filename());
    return result;
  }

  temporary_folder above;
  const std::string path = above / "data";
};

using names = std::set<std::string>;

TEST_F(Folder, IsMadeForTheOwnersEyes) {
  const auto made = prepared();

  struct stat found {};
  ASSERT_EQ(::stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0700u);
  EXPECT_EQ(files(), names{"format"});
  EXPECT_EQ(text("format"), "starling data 2\n");
  EXPECT_EQ(made.rows(), path + "/rows");
}

TEST_F(Folder, IsMadeOfAnEmptyOne) {
  std::filesystem::create_directory(path);
  prepared();
  EXPECT_EQ(files(), names{"format"});
}

TEST_F(Folder, IsMadeOfTheRootOfANewVolume) {
  std::filesystem::create_directory(path);
  names expected{"format"};
  for (const auto* name : {"lost+found", ".snapshot", ".snapshots", ".zfs", ".Trash-1000"}) {
    std::filesystem::create_directory(path + "/" + name);
    expected.insert(name);
  }
  for (const auto* name : {"aquota.user", "aquota.group", ".nfs000000000001"}) {
    write(name, "text");
    expected.insert(name);
  }
  prepared();
  EXPECT_EQ(files(), expected) << "they are nobody's business";
  EXPECT_EQ(text("aquota.user"), "text");
}

TEST_F(Folder, IsNotMadeOfAFolderWithAnythingElseWhichIsNamed) {
  for (const auto* name : {"notes", ".profile", "lost", "rows", "identity"}) {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path + "/lost+found");
    write(name, "text");
    EXPECT_EQ(refused(), path +
                             " is no data folder of Starling: it has no file format, and is not "
                             "empty: it holds " +
                             name);
    EXPECT_EQ(text(name), "text");
  }
}

TEST_F(Folder, IsMadeOfOneThatWasBegun) {
  std::filesystem::create_directory(path);
  write("format.new", "starling data 1\nand more, to be cut off");
  prepared();
  EXPECT_EQ(files(), names{"format"});
  EXPECT_EQ(text("format"), "starling data 2\n");
}

TEST_F(Folder, IsTheSameTheNextTime) {
  const auto first = prepared().format_file();
  write("something", "else");
  const auto second = prepared().format_file();

  EXPECT_EQ(first, second);
  EXPECT_NE(first, file_stamp{});
}

TEST_F(Folder, IsAnotherFileThanItsCopy) {
  const auto original = prepared();
  std::filesystem::copy(path, above / "copy");
  const auto copy = open_data_folder(above / "copy");

  ASSERT_TRUE(std::holds_alternative<folder>(copy));
  EXPECT_FALSE(is_same_file(original.format_file(), std::get<folder>(copy).format_file()));
}

TEST_F(Folder, IsAnotherFileOnceACopyTookItsPlace) {
  const auto original = prepared().format_file();
  std::filesystem::copy(path, above / "copy");
  std::filesystem::remove_all(path); // its inode may be given to another file now
  std::filesystem::copy(above / "copy", path);

  EXPECT_FALSE(is_same_file(original, prepared().format_file()));
}

TEST_F(Folder, HasAnotherTimeOnceItWasWrittenOver) {
  const auto original = prepared().format_file();
  std::filesystem::copy(path, above / "copy");
  std::this_thread::sleep_for(std::chrono::milliseconds{20}); // a clock's tick, for file systems
  std::filesystem::copy(above / "copy", path,
                        std::filesystem::copy_options::recursive |
                            std::filesystem::copy_options::overwrite_existing);

  EXPECT_NE(prepared().format_file().modified_ns, original.modified_ns);
}

TEST_F(Folder, IsUsedByOneAtATime) {
  {
    auto first = prepared();
    EXPECT_EQ(refused(), path + " is in use by another process");
    const auto moved = std::move(first);
    EXPECT_EQ(refused(), path + " is in use by another process");
  }
  prepared();
}

TEST_F(Folder, IsNotMadeOfOneWithOtherThings) {
  std::filesystem::create_directory(path);
  write("letters", "dear");

  EXPECT_EQ(refused(),
            path + " is no data folder of Starling: it has no file format, and is not empty: it "
                   "holds letters");
  EXPECT_EQ(files(), names{"letters"});
}

TEST_F(Folder, IsNotTakenFromAnotherVersion) {
  std::filesystem::create_directory(path);
  for (const auto* other : {"starling data 3\n", "starling data 10\n", "starling data 2",
                            "starling data 1", "starling data 1\nand more", "starling data 2 \n"}) {
    write("format", other);
    EXPECT_EQ(refused(), path + " was made by another version of Starling") << other;
    EXPECT_EQ(text("format"), other);
  }
  EXPECT_EQ(files(), names{"format"});
}

TEST_F(Folder, IsNotTakenWithAFormatOfSomethingElse) {
  std::filesystem::create_directory(path);
  for (const auto* other : {"", "garbage", "starling", "starling identity 1\n"}) {
    write("format", other);
    EXPECT_THAT(refused(), HasSubstr("its file format says something else")) << other;
    EXPECT_EQ(text("format"), other);
  }
}

TEST_F(Folder, IsNotMadeWithTheOnesAboveIt) {
  const auto result = open_data_folder(above / "no/data");

  ASSERT_TRUE(std::holds_alternative<failure>(result));
  EXPECT_EQ(std::get<failure>(result).what,
            "cannot make " + above / "no/data" + ": No such file or directory");
}

TEST_F(Folder, IsNoFile) {
  std::ofstream{path} << "text";
  EXPECT_EQ(refused(), "cannot open " + path + "/format: Not a directory");
}

} // namespace
} // namespace starling::storage
