// Where a log ends, and what a start makes of one that is not as it was left.

#include "storage/disk/examination.hpp"
#include "storage/disk/file_names.hpp"
#include "storage/disk/rocks_log.hpp"
#include "tests/storage/rows.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <random>
#include <rocksdb/db.h>
#include <rocksdb/file_system.h>
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

fs::path log_in(const fs::path& folder) {
  fs::path log;
  for (const auto& entry : fs::directory_iterator{folder})
    if (entry.path().extension() == ".log") {
      EXPECT_TRUE(log.empty()) << "there are several logs";
      log = entry.path();
    }
  EXPECT_FALSE(log.empty());
  return log;
}

record_extent extent_of(const fs::path& path) {
  return std::get<record_extent>(read_records(*rocksdb::Env::Default(), path, true));
}

/// Rows as the process that was killed after `commits_max` commits left them, one row each. Copies
/// of them are damaged.
class RocksLog : public ::testing::Test {
protected:
  static constexpr int commits_max = 12;

  RocksLog() {
    const auto made = open_rows(folder / "longer");
    for (int i = 0; i < commits_max; ++i)
      EXPECT_FALSE(made.rows->commit({putting({{name_of(i), "value"}})}, i % 2 == 0));
    fs::copy(folder / "longer", folder / "whole");
    EXPECT_FALSE(made.rows->commit({putting({{name_of(commits_max), "value"}})}, true));
  }

  static std::string name_of(int i) { return {static_cast<char>('0' + i)}; }

  /// A copy of the rows, and its only log.
  fs::path copied() {
    fs::remove_all(path);
    fs::copy(folder / "whole", path);
    return log_in(path);
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

  /// With this log the rows must not be used, only salvaged, and are left as they are.
  void expect_refusal_of(const std::string& log) {
    write_file(copied(), log);
    EXPECT_EQ(refused_rows(path).kind, trouble::corrupted);
    auto to_read = small_settings;
    to_read.takes_damage = true;
    const auto found = open_rows(path, to_read);
    EXPECT_TRUE(found.is_patchwork);
    EXPECT_LE(all_rows(*found.rows).size(), static_cast<std::size_t>(commits_max));
    EXPECT_TRUE(found.rows->commit({putting({{"x", ""}})}, true)) << "it is only to be read";
    EXPECT_EQ(read_file(log_in(path)), log);
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

TEST_F(RocksLog, IsRefusedIfABitWasFlippedAnywhere) {
  const auto good = read_file(copied());
  for (std::size_t at = 0; at < good.size(); at += 11) {
    SCOPED_TRACE("byte " + std::to_string(at) + " of " + std::to_string(good.size()));
    auto bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << at % 8));
    expect_refusal_of(bad);
  }
}

TEST_F(RocksLog, IsRefusedWhereverItWasCutOff) {
  const auto good = read_file(copied());
  const auto commit_bytes = good.size() / commits_max;
  ASSERT_EQ(commit_bytes * commits_max, good.size());
  for (std::size_t size = 0; size < good.size(); size += 5)
    expect_refusal_of(good.substr(0, size));
  for (std::size_t commits = 0; commits < commits_max; ++commits)
    expect_refusal_of(good.substr(0, commits * commit_bytes));
}

TEST_F(RocksLog, IsRefusedIfAPartReadsAsZeros) {
  const auto good = read_file(copied());
  for (std::size_t at = 0; at < good.size(); at += 7) {
    SCOPED_TRACE("zeros from " + std::to_string(at) + " of " + std::to_string(good.size()));
    auto bad = good;
    for (auto i = at; i < std::min(at + 64, bad.size()); ++i)
      bad[i] = '\0';
    expect_refusal_of(bad);
  }
}

TEST_F(RocksLog, IsRefusedIfItIsMissing) {
  fs::remove(copied());
  const auto why = refused_rows(path);
  EXPECT_EQ(why.kind, trouble::corrupted);
  EXPECT_THAT(why.what, HasSubstr(".log is missing"));
}

TEST_F(RocksLog, IsRefusedIfOneOfOtherRowsPrecedesIt) {
  {
    const auto others = open_rows(folder / "others");
    for (int i = 0; i < 2 * commits_max; ++i)
      EXPECT_FALSE(others.rows->commit({putting({{"other", "value"}})}, true));
  }
  const auto log = copied();
  auto& disk = *rocksdb::FileSystem::Default();
  auto seen = std::get<witness_file::content>(witness_file::read(disk, path)).what.value();
  seen.first_log = 1; // as if logs had been made and removed before
  ASSERT_TRUE(witness_file::make(disk, path, seen).ok());
  EXPECT_EQ(commits_in(*open_rows(path).rows), commits_max);

  const auto foreign = path + "/000002.log";
  ASSERT_GT(log.filename(), fs::path{foreign}.filename());
  copied();
  ASSERT_TRUE(witness_file::make(disk, path, seen).ok());
  fs::copy(log_in(folder / "others"), foreign);
  const auto why = refused_rows(path);

  EXPECT_EQ(why.kind, trouble::corrupted);
  EXPECT_THAT(why.what, HasSubstr("000002.log does not belong to these rows"));
}

TEST_F(RocksLog, IsRefusedIfOneThatWasNotMadeHereFollowsIt) {
  const auto log = copied();
  auto& disk = *rocksdb::FileSystem::Default();
  auto seen = std::get<witness_file::content>(witness_file::read(disk, path)).what.value();
  const auto foreign = path + "/000900.log"; // its first change is the next one after ours
  fs::copy(folder / "whole", folder / "others");
  {
    const auto others = open_rows(folder / "others");
    EXPECT_FALSE(others.rows->commit({putting({{"other", "value"}})}, true));
    fs::copy(log_in(folder / "others"), foreign);
  }
  const auto why = refused_rows(path);
  EXPECT_EQ(why.kind, trouble::corrupted);
  EXPECT_THAT(why.what, HasSubstr("000900.log does not belong to these rows"));

  // An older version did not name a log before there was a commit to it, so it may be its own.
  seen.names_all_logs = false;
  ASSERT_TRUE(witness_file::make(disk, path, seen).ok());
  EXPECT_EQ(value_of(*open_rows(path).rows->now(), "other"), "value");
  EXPECT_TRUE(std::get<witness_file::content>(witness_file::read(disk, path)).what->names_all_logs);
}

/// RocksDB replays logs from a number on that it chooses before it makes the next one.
TEST_F(RocksLog, IsAloneWhereverOneOfOtherRowsLiesBelowIt) {
  {
    const auto others = open_rows(folder / "others");
    for (int i = 0; i < commits_max; ++i)
      EXPECT_FALSE(others.rows->commit({putting({{name_of(i), "foreign"}})}, true));
  }
  copied();
  const auto expected = all_rows(*open_rows(path).rows); // which makes a log with a gap before
  const auto before = log_number(log_in(folder / "whole").filename().string());
  const auto now = log_number(log_in(path).filename().string());
  ASSERT_GT(now, before + 1);
  for (auto number = before + 1; number < now; ++number) {
    SCOPED_TRACE(number);
    fs::remove_all(folder / "joined");
    fs::copy(path, folder / "joined");
    const auto digits = std::to_string(number);
    const auto foreign =
        (folder / "joined") + "/" + std::string(6 - digits.size(), '0') + digits + ".log";
    fs::copy(log_in(folder / "others"), foreign);
    {
      const auto read = open_rocks_store_to_read(folder / "joined", small_settings);
      ASSERT_TRUE(std::holds_alternative<std::unique_ptr<store>>(read));
      EXPECT_EQ(all_rows(*std::get<std::unique_ptr<store>>(read)), expected);
    }
    EXPECT_EQ(all_rows(*open_rows(folder / "joined").rows), expected);
    EXPECT_FALSE(fs::exists(foreign)) << "a copy would hold it, too";
  }
}

/// As `cp -al` makes them: the files of both have one content.
TEST_F(RocksLog, IsNotWrittenByWhoHasACopyMadeOfLinks) {
  copied();
  fs::copy(path, folder / "linked",
           fs::copy_options::recursive | fs::copy_options::create_hard_links);
  std::map<fs::path, std::string> before;
  for (const auto& file : fs::directory_iterator{folder / "linked"})
    before[file.path()] = read_file(file);
  {
    const auto found = open_rows(path);
    EXPECT_FALSE(found.rows->commit({putting({{"x", "value"}})}, true));
  }
  for (const auto& [file, content] : before)
    EXPECT_EQ(read_file(file), content) << file;
  EXPECT_EQ(commits_in(*open_rows(folder / "linked").rows), commits_max);
  EXPECT_EQ(value_of(*open_rows(path).rows->now(), "x"), "value");
}

TEST_F(RocksLog, IsRefusedWithoutItsWitness) {
  for (const bool is_there : {false, true}) {
    copied();
    if (is_there)
      write_file(path + "/witness", "nonsense");
    else
      fs::remove(path + "/witness");
    const auto why = refused_rows(path);
    EXPECT_EQ(why.kind, trouble::corrupted);
    EXPECT_THAT(why.what,
                HasSubstr(is_there ? "witness is not what was written" : "witness is missing"));
  }
}

/// The newest witness may be the one that is spoilt, and the log have lost what only that one
/// names. A power failure tears a slot without anything being lost that was synced.
TEST_F(RocksLog, MayLackItsEndIfASlotOfTheWitnessIsSpoiltInTheSameBoot) {
  constexpr std::size_t slot_bytes = 4096;
  for (std::size_t slot = 0; slot < 2; ++slot)
    for (const bool is_zeroed : {false, true}) {
      const auto spoil = [&] {
        const auto log = copied();
        auto witness = read_file(path + "/witness");
        if (is_zeroed)
          witness.replace(slot * slot_bytes, slot_bytes, slot_bytes, '\0');
        else
          witness[slot * slot_bytes + 40] ^= 1;
        write_file(path + "/witness", witness);
        return log;
      };
      const auto log = spoil();
      const auto good = read_file(log);
      write_file(log, good.substr(0, good.size() - good.size() / commits_max));
      // One slot is the older one: without it, the log is shorter than what is known.
      auto to_read = small_settings;
      to_read.takes_damage = true;
      const auto cut = open_rows(path, to_read);
      EXPECT_TRUE(cut.damage || cut.is_patchwork) << slot;

      spoil();
      auto later = small_settings;
      later.boot = "after a power failure";
      EXPECT_EQ(commits_in(*open_rows(path, later).rows), commits_max) << slot;
    }
}

TEST_F(RocksLog, EndsSomewhereInTheCommitThatAKillEnded) {
  const auto before = read_file(copied());
  const auto longer = read_file(log_in(folder / "longer"));
  ASSERT_TRUE(longer.starts_with(before));
  for (auto size = before.size(); size <= longer.size(); ++size) {
    SCOPED_TRACE(size - before.size());
    write_file(copied(), longer.substr(0, size));
    const auto found = open_rows(path);
    EXPECT_EQ(found.damage, std::nullopt) << "nobody was told of that commit";
    EXPECT_EQ(commits_in(*found.rows), commits_max + (size == longer.size() ? 1 : 0));
  }
}

TEST_F(RocksLog, TellsOfAnUnsyncedEndUntilACommitIsSynced) {
  const auto good = read_file(copied());
  for (const auto& end : {std::string(1, '\0'), std::string(4096, '\0'), std::string(300, 'x')}) {
    write_file(copied(), good + end);
    std::optional<std::string> told;
    {
      const auto found = open_rows(path);
      told = found.damage;
      EXPECT_EQ(told.has_value(), end.size() > 1) << "one byte may be the beginning of a record";
      EXPECT_EQ(commits_in(*found.rows), commits_max);
    }
    {
      const auto found = open_rows(path);
      EXPECT_EQ(found.damage, told);
      EXPECT_FALSE(found.rows->commit({putting({{name_of(commits_max), ""}})}, false));
    }
    {
      const auto found = open_rows(path);
      EXPECT_EQ(found.damage, told) << "that commit was not synced";
      EXPECT_FALSE(found.rows->sync());
    }
    const auto found = open_rows(path);
    EXPECT_EQ(found.damage, std::nullopt);
    EXPECT_EQ(commits_in(*found.rows), commits_max + 1);
  }
}

TEST_F(RocksLog, MayLackAfterAPowerFailureWhatWasNotSynced) {
  std::string log;
  {
    auto settings = small_settings;
    settings.boot = "the first boot";
    const auto made = open_rows(path, settings);
    EXPECT_FALSE(made.rows->commit({putting({{"0", ""}})}, true));
    log = read_file(log_in(path));
    EXPECT_FALSE(made.rows->commit({putting({{"1", ""}})}, false));
  }
  write_file(log_in(path), log);
  fs::copy(path, folder / "killed");

  auto settings = small_settings;
  settings.boot = "the second boot";
  const auto found = open_rows(path, settings);

  EXPECT_EQ(found.damage, std::nullopt);
  EXPECT_EQ(commits_in(*found.rows), 1);
  settings.boot = "the first boot";
  EXPECT_EQ(refused_rows(folder / "killed", settings).kind, trouble::corrupted)
      << "no power failed";
}

TEST_F(RocksLog, IsReplayedUpToAGapOnly) {
  constexpr std::size_t block_bytes = 32'768;
  constexpr std::size_t record_bytes = 1024;               // so that records begin where blocks do
  constexpr std::size_t overhead = 7 + 12 + 1 + 1 + 1 + 2; // of a record with one row
  auto settings = small_settings;
  {
    settings.boot = "the first boot";
    const auto made = open_rows(path, settings);
    for (int i = 0; i < 70; ++i)
      ASSERT_FALSE(made.rows->commit(
          {putting({{name_of(i), std::string(record_bytes - overhead, 'x')}})}, false));
  }
  const auto log = log_in(path);
  auto bad = read_file(log);
  ASSERT_EQ(bad.size(), 70 * record_bytes);
  for (auto i = block_bytes - 2 * record_bytes; i < block_bytes; ++i)
    bad[i] = '\0';
  write_file(log, bad);

  settings.boot = "the second boot";
  const auto found = open_rows(path, settings);

  EXPECT_TRUE(found.damage);
  EXPECT_EQ(commits_in(*found.rows), 30);
}

TEST_F(RocksLog, IsWholeRecords) {
  const auto good = read_file(copied());
  const auto commit_bytes = good.size() / commits_max;
  auto all = extent_of(log_in(path));
  EXPECT_TRUE(all.is_whole());
  EXPECT_EQ(all.next_change - all.first_change.value(), commits_max);
  for (std::size_t size = 0; size < good.size(); ++size) {
    write_file(path + "/x", good.substr(0, size));
    const auto part = extent_of(path + "/x");
    EXPECT_EQ(part.whole_bytes, size / commit_bytes * commit_bytes);
    EXPECT_EQ(part.is_torn, size % commit_bytes != 0);
  }
}

TEST_F(RocksLog, IsWholeRecordsAcrossBlocks) {
  {
    const auto made = open_rows(path);
    for (int i = 0; i < 40; ++i)
      ASSERT_FALSE(made.rows->commit({putting({{"x", std::string(7001, 'x')}})}, false));
  }
  const auto good = read_file(log_in(path));
  EXPECT_TRUE(extent_of(log_in(path)).is_whole());
  for (std::size_t size = 32'700; size < 32'800; ++size) {
    write_file(path + "/x", good.substr(0, size));
    const auto part = extent_of(path + "/x");
    EXPECT_LT(part.whole_bytes, size);
    EXPECT_TRUE(part.is_torn) << size;
  }
}

/// Rows whose log has records of several blocks each, one after the other.
class LargeRecords : public RocksLog {
protected:
  LargeRecords() {
    const auto made = open_rows(folder / "large", settings);
    std::mt19937 random{1};
    for (int i = 0; i < 24; ++i) {
      auto& value = written[name_of(i)];
      value = std::string(1 + random() % (i % 4 == 0 ? 100 : 100'000), static_cast<char>('a' + i));
      EXPECT_FALSE(made.rows->commit({putting({{name_of(i), value}})}, i < synced));
    }
    fs::copy(folder / "large", folder / "kept");
    log = read_file(log_in(folder / "kept"));
  }

  /// The log, with a bit flipped, with zeros or cut somewhere behind a place.
  std::string damaged(std::mt19937& random, std::size_t from) const {
    auto bad = log;
    const auto at = from + random() % (log.size() - from);
    switch (random() % 3) {
    case 0:
      bad[at] = static_cast<char>(bad[at] ^ 4);
      break;
    case 1:
      for (auto i = at; i < std::min(log.size(), at + 100 + random() % 50'000); ++i)
        bad[i] = '\0';
      break;
    default:
      bad.erase(at, 1 + random() % 50'000);
    }
    return bad;
  }

  void restore_with(const std::string& bad) {
    fs::remove_all(path);
    fs::copy(folder / "kept", path);
    write_file(log_in(path), bad);
  }

  static constexpr int synced = 12;
  rocks_settings settings{std::size_t{1} << 20, std::size_t{4} << 20};
  row_map written;
  std::string log;
};

TEST_F(LargeRecords, AreReadOnBothSidesOfDamage) {
  settings.takes_damage = true;
  std::mt19937 random{2};
  std::size_t rows_at_ends = 0;
  for (int i = 0; i < 60; ++i) {
    restore_with(damaged(random, 0));
    EXPECT_EQ(refused_rows(path).kind, trouble::corrupted);

    const auto found = open_rows(path, settings);

    ASSERT_TRUE(found.is_patchwork);
    EXPECT_THAT(*found.is_patchwork, HasSubstr(" bytes of it are left out"));
    const auto rows = all_rows(*found.rows);
    for (const auto& [name, value] : rows)
      EXPECT_EQ(value, written.at(name));
    rows_at_ends += rows.count(name_of(0)) + rows.count(name_of(23));
  }
  EXPECT_GT(rows_at_ends, 60u) << "what follows damage is lost";
}

TEST_F(LargeRecords, MayBeDamagedBehindWhatWasSynced) {
  std::size_t synced_bytes = 0;
  for (int i = 0; i < synced; ++i)
    synced_bytes += written.at(name_of(i)).size() + 40;
  synced_bytes += 7 * (synced_bytes / 30'000); // at least as much
  std::mt19937 random{3};
  for (int i = 0; i < 40; ++i) {
    restore_with(damaged(random, synced_bytes));
    settings.boot = "another one";
    settings.takes_damage = true;
    int commits = 0;
    {
      const auto found = open_rows(path, settings);
      EXPECT_FALSE(found.is_patchwork);
      commits = commits_in(*found.rows);
      EXPECT_GE(commits, synced);
    }
    settings.takes_damage = false;
    EXPECT_EQ(commits_in(*open_rows(path, settings).rows), commits);
  }
}

/// A disk whose logs cannot be read.
class broken_disk : public rocksdb::FileSystemWrapper {
public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "broken_disk"; }
  rocksdb::IOStatus NewSequentialFile(const std::string& file, const rocksdb::FileOptions& how,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* result,
                                      rocksdb::IODebugContext* context) override {
    if (file.ends_with(".log"))
      return rocksdb::IOStatus::IOError("While reading " + file, "Input/output error");
    return target()->NewSequentialFile(file, how, result, context);
  }
};

TEST_F(RocksLog, IsNotTakenForDamagedIfTheMachineFails) {
  const auto machine =
      rocksdb::NewCompositeEnv(std::make_shared<broken_disk>(rocksdb::FileSystem::Default()));
  for (const bool takes_damage : {false, true}) {
    auto settings = small_settings;
    settings.env = machine.get();
    settings.takes_damage = takes_damage;
    auto bad = read_file(copied());
    bad[bad.size() / 2] = 'x';
    write_file(log_in(path), bad);
    EXPECT_EQ(refused_rows(path, settings).kind, trouble::broken);
  }
}

/// Rows as version 0.1 left them: without a witness, each log with a mark at its beginning.
class OldRows : public RocksLog {
protected:
  OldRows() {
    fs::remove_all(path);
    rocksdb::Options options;
    options.create_if_missing = true;
    rocksdb::DB* db = nullptr;
    EXPECT_TRUE(rocksdb::DB::Open(options, path, &db).ok());
    const std::unique_ptr<rocksdb::DB> made{db};
    rocksdb::WriteBatch mark;
    mark.PutLogData("starling");
    EXPECT_TRUE(made->Write({}, &mark).ok());
    EXPECT_TRUE(made->Put({}, "0", "value").ok());
    EXPECT_TRUE(made->Put({}, "1", "value").ok());
  }
};

TEST_F(OldRows, AreTakenUp) {
  for (int i = 0; i < 3; ++i) {
    const auto found = open_rows(path);
    EXPECT_EQ(found.damage, std::nullopt);
    EXPECT_EQ(commits_in(*found.rows), 2);
    EXPECT_TRUE(fs::exists(path + "/witness"));
  }
}

TEST_F(OldRows, AreNotTakenUpIfTheLogIsDamaged) {
  const auto log = log_in(path);
  const auto good = read_file(log);
  for (const auto& bad : {good.substr(0, good.size() - 3), good + std::string(3, '\0')}) {
    write_file(log, bad);
    EXPECT_EQ(refused_rows(path).kind, trouble::corrupted);
  }
}

} // namespace
} // namespace starling::storage
