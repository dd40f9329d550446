// What is left of a log, and what RocksDB makes of that.

#include "storage/disk/log_pieces.hpp"
#include "storage/disk/log_repair.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <rocksdb/write_batch.h>

namespace starling::storage {
namespace {

using rocksdb::IOStatus;

void write_file(const std::string& path, const std::string& text) {
  std::ofstream{path, std::ios::binary | std::ios::trunc} << text;
}

/// A disk of which no log can be read.
class broken_disk : public rocksdb::FileSystemWrapper {
public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "broken_disk"; }
  IOStatus NewSequentialFile(const std::string& path, const rocksdb::FileOptions& options,
                             std::unique_ptr<rocksdb::FSSequentialFile>* result,
                             rocksdb::IODebugContext* context) override {
    if (path.ends_with(".log"))
      return IOStatus::IOError("while reading " + path, "Input/output error");
    return target()->NewSequentialFile(path, options, result, context);
  }
};

/// A log of records of some lengths, up to five blocks of the file.
class LogRepair : public testing::Test {
protected:
  LogRepair() {
    std::mt19937 random{1};
    for (std::uint64_t number = 1; log.size() < 40 * block_bytes; ++number) {
      const auto length = random() % 3 == 0 ? random() % 100 : random() % (5 * block_bytes);
      records.push_back(record(number, std::string(length, static_cast<char>('a' + number % 26))));
      const auto room = block_bytes - log.size() % block_bytes;
      begins.push_back(log.size() + (room < piece_head_bytes ? room : 0));
      append_record(log, records.back());
      ends.push_back(log.size());
    }
  }

  static std::string record(std::uint64_t number, const std::string& value) {
    rocksdb::WriteBatch batch;
    EXPECT_TRUE(batch.Put("name", value).ok());
    auto result = batch.Data();
    result[0] = static_cast<char>(number);
    result[1] = static_cast<char>(number >> 8);
    return result;
  }

  repaired_log repair(const std::string& bytes, behind_damage is = behind_damage::kept) {
    write_file(path, bytes);
    const auto result = repair_log(*rocksdb::Env::Default(), path, is);
    EXPECT_TRUE(std::holds_alternative<repaired_log>(result));
    return std::get<repaired_log>(result);
  }

  /// A log of all records but those that lie in part behind one place, in its block and all blocks
  /// up to another place.
  std::string without(std::size_t first, std::size_t end) const {
    end += (block_bytes - end % block_bytes) % block_bytes;
    std::string result;
    for (std::size_t i = 0; i < records.size(); ++i)
      if (ends[i] <= first || begins[i] >= end)
        append_record(result, records[i]);
    return result;
  }

  temporary_folder folder;
  const std::string path = folder / "000001.log";
  std::string log;
  std::vector<std::string> records;
  std::vector<std::size_t> begins;
  std::vector<std::size_t> ends;
};

TEST_F(LogRepair, LeavesASoundLogAsItIs) {
  const auto all = repair(log);
  EXPECT_TRUE(all.is_all());
  EXPECT_EQ(all.records, records.size());
  EXPECT_TRUE(all.bytes == log);
  EXPECT_TRUE(repair("").is_all());
}

TEST_F(LogRepair, LosesNoRecordOutsideOfTheBlockThatIsDamaged) {
  std::mt19937 random{2};
  for (int i = 0; i < 300; ++i) {
    const auto at = random() % log.size();
    const auto bytes = i % 2 == 0 ? 1 : 64 + random() % (3 * block_bytes);
    SCOPED_TRACE(std::to_string(bytes) + " bytes from " + std::to_string(at));
    auto bad = log;
    bad[at] = static_cast<char>(bad[at] ^ (1 << i % 8));
    if (bytes > 1)
      for (auto k = at; k < std::min(log.size(), at + bytes); ++k)
        bad[k] = '\0';
    if (block_bytes - at % block_bytes < piece_head_bytes && bytes == 1)
      continue; // it may be between two records

    const auto left = repair(bad);

    EXPECT_FALSE(left.is_all());
    EXPECT_TRUE(left.bytes == without(at, at + bytes));
  }
}

TEST_F(LogRepair, MayEndWhereTheDamageBegins) {
  const auto at = begins[10] + piece_head_bytes;
  auto bad = log;
  bad[at] = static_cast<char>(bad[at] ^ 1);
  const auto left = repair(bad, behind_damage::left_out);
  EXPECT_FALSE(left.is_all());
  EXPECT_EQ(left.records, 10u);
  EXPECT_TRUE(left.bytes == log.substr(0, begins[10]));
}

TEST_F(LogRepair, LeavesOutTheRecordThatWasCut) {
  for (std::size_t i = 0; i < records.size(); ++i)
    for (const auto at : {begins[i] + 1, ends[i] - 1}) {
      const auto left = repair(log.substr(0, at));
      EXPECT_EQ(left.records, i) << at;
      EXPECT_EQ(left.left_bytes, at - begins[i]) << at;
    }
}

TEST_F(LogRepair, KeepsWhatIsAppended) {
  rocksdb::WriteBatch appending;
  ASSERT_TRUE(appending.Merge("name", "value").ok());
  std::string bytes;
  append_record(bytes, appending.Data());
  EXPECT_EQ(repair(bytes).records, 1u);
}

TEST_F(LogRepair, LeavesOutWhatRocksDBCannotReplay) {
  rocksdb::WriteBatch range;
  ASSERT_TRUE(range.DeleteRange("name", "nape").ok());
  auto more = record(3, "value");
  more[8] = 2; // changes, it says
  for (const auto& bad :
       {std::string{}, std::string{"short"}, std::string(20, 'x'), std::string(100'000, '\xff'),
        record(3, "value").substr(0, 16), more, range.Data()}) {
    std::string bytes;
    append_record(bytes, record(1, "x"));
    append_record(bytes, bad);
    append_record(bytes, record(3, "x"));
    const auto left = repair(bytes);
    EXPECT_EQ(left.records, 2u) << bad.size();
    EXPECT_GT(left.left_bytes, bad.size());
  }
}

TEST_F(LogRepair, FailsWhereTheMachineDoes) {
  write_file(path, log);
  const auto disk = std::make_shared<broken_disk>(rocksdb::FileSystem::Default());
  const auto machine = rocksdb::NewCompositeEnv(disk);
  const auto result = repair_log(*machine, path, behind_damage::kept);
  ASSERT_TRUE(std::holds_alternative<rocksdb::Status>(result));
  EXPECT_TRUE(std::get<rocksdb::Status>(result).IsIOError());
}

TEST_F(LogRepair, IsShownInThePlaceOfTheFile) {
  write_file(path, "of the disk");
  const auto disk = std::make_shared<showing_disk>(rocksdb::FileSystem::Default());
  const auto machine = rocksdb::NewCompositeEnv(disk);
  const auto read = [&] {
    std::string result;
    EXPECT_TRUE(rocksdb::ReadFileToString(machine.get(), path, &result).ok());
    return result;
  };
  EXPECT_EQ(read(), "of the disk");
  disk->show(folder / ".//000001.log", log);
  EXPECT_TRUE(read() == log);
}

} // namespace
} // namespace starling::storage
