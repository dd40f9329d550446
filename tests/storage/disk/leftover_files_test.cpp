#include "storage/disk/leftover_files.hpp"
#include "tests/storage/rows.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

namespace starling::storage {
namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& path) {
  std::ostringstream result;
  result << std::ifstream{path, std::ios::binary}.rdbuf();
  return result.str();
}

class Remains : public testing::Test {
protected:
  std::string rows() const { return above / "rows"; }
  std::string into() const { return above / "into"; }

  /// Each call leaves a file of rows of the last one's, and a log of its own.
  void commit(const row_map& some) const {
    EXPECT_FALSE(open_rows(rows()).rows->commit({putting(some)}, true));
  }

  void remove(std::string_view beginning) const {
    for (const auto& path : files())
      if (path.filename().string().starts_with(beginning))
        fs::remove(path);
  }

  std::vector<fs::path> files() const {
    std::vector<fs::path> result;
    for (const auto& entry : fs::directory_iterator{rows()})
      result.push_back(entry.path());
    return result;
  }

  row_map gather() const {
    const auto found = gather_leftovers(rows(), into(), small_settings);
    if (const auto* why = std::get_if<failure>(&found)) {
      ADD_FAILURE() << why->what;
      return {};
    }
    return all_rows(*std::get<0>(found));
  }

  temporary_folder above;
};

TEST_F(Remains, AreAllRowsWhereOnlyTheListOfFilesIsGone) {
  commit({{"a", "old"}, {"b", "1"}});
  commit({{"a", "new"}, {"c", "2"}});
  commit({{"d", "3"}});
  remove("MANIFEST");
  remove("CURRENT");
  EXPECT_EQ(gather(), (row_map{{"a", "new"}, {"b", "1"}, {"c", "2"}, {"d", "3"}}));
}

TEST_F(Remains, LeaveTheOldFolderAsItIs) {
  commit({{"a", "1"}});
  commit({{"b", "2"}});
  remove("CURRENT");
  fs::copy(rows(), above / "before");
  gather();
  EXPECT_EQ(std::distance(fs::directory_iterator{rows()}, {}),
            std::distance(fs::directory_iterator{above / "before"}, {}));
  for (const auto& path : files())
    EXPECT_EQ(content_of(path), content_of(above / "before/" + path.filename().string())) << path;
}

TEST_F(Remains, GoWithoutAFileThatIsMissing) {
  commit({{"a", "1"}});
  commit({{"b", "2"}});
  commit({{"c", "3"}});
  for (const auto& path : files())
    if (path.extension() == ".sst") {
      fs::remove(path);
      break;
    }
  EXPECT_EQ(gather().size(), 2u);
}

TEST_F(Remains, MayBeNothingAtAll) {
  commit({{"a", "1"}});
  for (const auto& path : files())
    fs::remove(path);
  EXPECT_EQ(gather(), row_map{});
}

TEST_F(Remains, MakeTheirFolderAnew) {
  commit({{"a", "1"}});
  fs::create_directory(into());
  fs::copy(files().front(), into() + "/000001.sst");
  EXPECT_EQ(gather(), (row_map{{"a", "1"}}));
  EXPECT_EQ(gather(), (row_map{{"a", "1"}}));
}

TEST_F(Remains, FailWhereThereIsNoFolder) {
  EXPECT_TRUE(std::holds_alternative<failure>(gather_leftovers(rows(), into(), small_settings)));
}

} // namespace
} // namespace starling::storage
