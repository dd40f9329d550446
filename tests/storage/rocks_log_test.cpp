// What is told of a damaged log, and what is not lost with it.

#include "storage/rocks_log.hpp"
#include "tests/storage/rows.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <sstream>

namespace starling::storage {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string read_file(const fs::path& path) {
  std::ostringstream result;
  result << std::ifstream{path, std::ios::binary}.rdbuf();
  return result.str();
}

void write_file(const fs::path& path, const std::string& text) {
  std::ofstream{path, std::ios::binary | std::ios::trunc} << text;
}

TEST(NewestLog, HasTheHighestNumber) {
  EXPECT_EQ(newest_log({}), "");
  EXPECT_EQ(newest_log({"CURRENT", "000014.sst", "MANIFEST-000013"}), "");
  EXPECT_EQ(newest_log({"000012.log", "000009.log", "000014.sst"}), "000012.log");
  EXPECT_EQ(newest_log({"999999.log", "1000002.log", "1000001.log"}), "1000002.log");
}

/// Rows whose log holds `commits_max` commits, one row each; copies of them are damaged.
class RocksLog : public ::testing::Test {
protected:
  static constexpr int commits_max = 12;

  RocksLog() {
    const auto made = open_rows(folder / "whole");
    for (int i = 0; i < commits_max; ++i)
      EXPECT_FALSE(made.rows->commit({putting({{name_of(i), "value"}})}, i % 2 == 0));
  }

  static std::string name_of(int i) { return {static_cast<char>('0' + i)}; }

  /// A copy of the rows, and its only log.
  fs::path copied() {
    fs::remove_all(path);
    fs::copy(folder / "whole", path);
    return log_in(path);
  }

  static fs::path log_in(const fs::path& folder) {
    fs::path log;
    for (const auto& entry : fs::directory_iterator{folder})
      if (entry.path().extension() == ".log") {
        EXPECT_TRUE(log.empty()) << "there are several logs";
        log = entry.path();
      }
    EXPECT_FALSE(log.empty());
    return log;
  }

  /// How many commits the rows hold, which must be the first ones.
  static int commits_in(const store& rows) {
    const auto all = all_rows(rows);
    int result = 0;
    while (all.count(name_of(result)) != 0)
      ++result;
    EXPECT_EQ(all.size(), static_cast<std::size_t>(result)) << "there is a gap";
    return result;
  }

  /// The rows once their log is this; the damage must be told, and not again after a commit.
  int commits_left_of(const std::string& log) {
    write_file(copied(), log);
    int result = 0;
    {
      const auto found = open_rows(path);
      EXPECT_TRUE(found.damage);
      if (found.damage) {
        EXPECT_THAT(*found.damage, HasSubstr("what was committed last to the rows in " + path));
      }
      result = commits_in(*found.rows);
      EXPECT_FALSE(found.rows->sync());
    }
    const auto again = open_rows(path);
    EXPECT_EQ(again.damage, std::nullopt);
    EXPECT_EQ(commits_in(*again.rows), result);
    return result;
  }

  temporary_folder folder;
  const std::string path = folder / "rows";
};

TEST_F(RocksLog, IsTakenWholeWithoutAWord) {
  copied();
  const auto found = open_rows(path);
  EXPECT_EQ(found.damage, std::nullopt);
  EXPECT_EQ(commits_in(*found.rows), commits_max);
}

TEST_F(RocksLog, IsOneHoweverOftenTheRowsAreOpened) {
  copied();
  for (int i = 0; i < 3; ++i) {
    open_rows(path);
    log_in(path);
  }
}

TEST_F(RocksLog, TellsThatABitWasFlippedAnywhere) {
  const auto good = read_file(copied());
  for (std::size_t at = 0; at < good.size(); at += 11) {
    SCOPED_TRACE("byte " + std::to_string(at) + " of " + std::to_string(good.size()));
    auto bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << at % 8));
    EXPECT_LT(commits_left_of(bad), commits_max);
  }
}

TEST_F(RocksLog, TellsThatItWasCutOffWithinARecord) {
  const auto good = read_file(copied());
  open_rows(folder / "empty");
  const auto mark_bytes = read_file(log_in(folder / "empty")).size();
  const auto commit_bytes = (good.size() - mark_bytes) / commits_max;
  for (std::size_t size = 0; size < good.size(); size += 5) {
    SCOPED_TRACE("cut to " + std::to_string(size) + " of " + std::to_string(good.size()));
    const bool is_between = size >= mark_bytes && (size - mark_bytes) % commit_bytes == 0;
    if (!is_between) {
      EXPECT_LT(commits_left_of(good.substr(0, size)), commits_max);
    }
  }
}

TEST_F(RocksLog, IsSoundIfItEndsWithAPageWithinARecord) {
  // That is what a process leaves that was killed while it wrote; nobody was told of that commit.
  constexpr std::size_t page_bytes = 4096;
  const std::string value(page_bytes, 'x');
  for (const auto size : {page_bytes - 1, page_bytes, page_bytes + 1}) {
    SCOPED_TRACE("cut to " + std::to_string(size));
    std::filesystem::remove_all(path);
    {
      const auto found = open_rows(path);
      EXPECT_FALSE(found.rows->commit({putting({{"a", "1"}})}, true));
      EXPECT_FALSE(found.rows->commit({putting({{"b", value}})}, true));
    }
    write_file(log_in(path), read_file(log_in(path)).substr(0, size));

    const auto found = open_rows(path);

    EXPECT_EQ(found.damage.has_value(), size != page_bytes);
    EXPECT_EQ(all_rows(*found.rows), (row_map{{"a", "1"}}));
  }
}

TEST_F(RocksLog, TellsThatAPartReadsAsZeros) {
  const auto good = read_file(copied());
  for (std::size_t at = 0; at < good.size(); at += 7) {
    SCOPED_TRACE("zeros from " + std::to_string(at) + " of " + std::to_string(good.size()));
    auto bad = good;
    for (auto i = at; i < std::min(at + 64, bad.size()); ++i)
      bad[i] = '\0';
    EXPECT_LT(commits_left_of(bad), commits_max);
  }
}

TEST_F(RocksLog, TellsThatZerosFollow) {
  const auto good = read_file(copied());
  EXPECT_EQ(commits_left_of(good + std::string(1, '\0')), commits_max);
  EXPECT_EQ(commits_left_of(good + std::string(4096, '\0')), commits_max);
}

TEST_F(RocksLog, IsNotReplayedBeyondAGap) {
  constexpr std::size_t block_bytes = 32'768;
  constexpr std::size_t record_bytes = 1024;               // so that records begin where blocks do
  constexpr std::size_t overhead = 7 + 12 + 1 + 1 + 1 + 2; // of a record with one row
  std::size_t mark_bytes = 0;
  {
    const auto made = open_rows(folder / "wide");
    mark_bytes = read_file(log_in(folder / "wide")).size();
    for (int i = 0; i < 70; ++i) {
      const auto value_bytes = record_bytes - overhead - (i == 0 ? mark_bytes : 0);
      const auto rows = putting({{name_of(i), std::string(value_bytes, 'x')}});
      ASSERT_FALSE(made.rows->commit({rows}, false));
    }
  }
  const auto log = log_in(folder / "wide");
  auto bad = read_file(log);
  ASSERT_EQ(bad.size(), 70 * record_bytes);
  for (auto i = block_bytes - 2 * record_bytes; i < block_bytes; ++i)
    bad[i] = '\0';
  write_file(log, bad);

  const auto found = open_rows(folder / "wide");

  EXPECT_TRUE(found.damage);
  EXPECT_EQ(commits_in(*found.rows), 30);
}

TEST_F(RocksLog, TellsThatItIsMissing) {
  fs::remove(copied());
  const auto found = open_rows(path);
  ASSERT_TRUE(found.damage);
  EXPECT_THAT(*found.damage, HasSubstr("the log is empty or missing"));
  EXPECT_EQ(commits_in(*found.rows), 0);
}

TEST_F(RocksLog, TellsThatTheEndOfTheManifestIsCutOffOrZeros) {
  for (std::size_t bytes = 2; bytes <= 9; ++bytes) // the last one is zero already
    for (const bool has_zeros : {false, true}) {
      SCOPED_TRACE("the last " + std::to_string(bytes) + " bytes");
      copied();
      for (const auto& entry : fs::directory_iterator{path})
        if (entry.path().filename().string().starts_with("MANIFEST-")) {
          const auto size = fs::file_size(entry);
          fs::resize_file(entry, size - bytes);
          if (has_zeros)
            fs::resize_file(entry, size);
        }

      const auto found = open_rocks_store(path, small_settings);

      if (const auto* failed = std::get_if<failure>(&found))
        EXPECT_EQ(failed->kind, trouble::corrupted);
      else
        EXPECT_TRUE(std::get<opened>(found).damage);
    }
}

TEST_F(RocksLog, TellsOfItsDamageUntilACommitIsSynced) {
  write_file(copied(), "");
  const auto first = open_rows(path).damage;
  EXPECT_TRUE(first);
  EXPECT_EQ(open_rows(path).damage, first);
  {
    const auto found = open_rows(path);
    EXPECT_EQ(found.damage, first);
    EXPECT_FALSE(found.rows->commit({putting({{"a", "1"}})}, false));
  }
  {
    const auto found = open_rows(path);
    EXPECT_EQ(found.damage, first) << "that commit was not synced";
    EXPECT_FALSE(found.rows->commit({putting({{"b", "1"}})}, true));
  }
  const auto found = open_rows(path);
  EXPECT_EQ(found.damage, std::nullopt);
  EXPECT_EQ(all_rows(*found.rows), (row_map{{"a", "1"}, {"b", "1"}}));
}

} // namespace
} // namespace starling::storage
