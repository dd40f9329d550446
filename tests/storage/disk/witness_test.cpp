#include "storage/disk/witness.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace starling::storage {
namespace {

namespace fs = std::filesystem;

const witness example{.boot = "a boot",
                      .manifests = {{"MANIFEST-000005", {100, 7}}, {"MANIFEST-000009", {0, 0}}},
                      .logs = {{4, {{1000, 1}, {900, 2}}}, {1'000'001, {{5, 5}, {}}}},
                      .first_log = 4};

TEST(Witness, IsWhatWasEncoded) {
  EXPECT_EQ(decode_witness(encode(example)), example);
  EXPECT_EQ(decode_witness(encode({})), witness{});
}

TEST(Witness, IsNoneOfOtherBytes) {
  const auto good = encode(example);
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(decode_witness(good.substr(0, size))) << size;
  EXPECT_FALSE(decode_witness(good + 'x'));
  EXPECT_FALSE(decode_witness(std::string(100, '\xff')));
}

class WitnessFile : public testing::Test {
protected:
  static witness numbered(std::uint64_t n) {
    auto result = example;
    result.first_log = n;
    return result;
  }

  witness_file::content read() const {
    auto found = witness_file::read(disk, folder.path());
    return std::get<witness_file::content>(std::move(found));
  }

  /// The number of the one that is read; 0 if there is none.
  std::uint64_t number() const {
    const auto found = read();
    return found.what ? found.what->first_log : 0;
  }

  void spoil(std::size_t from, std::size_t bytes) const {
    std::fstream file{path, std::ios::in | std::ios::out | std::ios::binary};
    file.seekp(static_cast<std::streamoff>(from));
    file << std::string(bytes, '\xaa');
  }

  const temporary_folder folder;
  const std::string path = folder / "witness";
  rocksdb::FileSystem& disk = *rocksdb::FileSystem::Default();
};

TEST_F(WitnessFile, IsNotThereAtFirst) {
  EXPECT_FALSE(read().is_there);
}

TEST_F(WitnessFile, HasWhatWasWrittenLast) {
  ASSERT_TRUE(witness_file::make(disk, folder.path(), numbered(1)).ok());
  EXPECT_EQ(read().what, numbered(1));
  for (std::uint64_t n = 2; n < 6;) {
    witness_file file; // of a process
    for (int i = 0; i < 3; ++i, ++n) {
      ASSERT_TRUE(file.write(disk, folder.path(), numbered(n)).ok());
      EXPECT_EQ(read().what, numbered(n));
    }
    EXPECT_TRUE(file.sync().ok());
  }
}

TEST_F(WitnessFile, HasTheOneBeforeIfTheLastIsTorn) {
  constexpr std::size_t slot_bytes = 4096;
  ASSERT_TRUE(witness_file::make(disk, folder.path(), numbered(1)).ok());
  witness_file file;
  for (std::uint64_t n = 2; n < 5; ++n) {
    ASSERT_TRUE(file.write(disk, folder.path(), numbered(n)).ok());
    EXPECT_FALSE(read().has_spoilt_slot);
    spoil((n + 1) % 2 * slot_bytes + 30, 4);
    EXPECT_EQ(number(), n - 1);
    EXPECT_TRUE(read().has_spoilt_slot) << "so the newest may be lacking";
    ASSERT_TRUE(file.write(disk, folder.path(), numbered(n)).ok());
    ASSERT_TRUE(file.write(disk, folder.path(), numbered(n)).ok());
  }
}

TEST_F(WitnessFile, NoticesThatASlotIsOlderThanTheOther) {
  constexpr std::size_t slot_bytes = 4096;
  ASSERT_TRUE(witness_file::make(disk, folder.path(), numbered(1)).ok());
  std::string first;
  ASSERT_TRUE(rocksdb::ReadFileToString(&disk, path, &first).ok());
  witness_file file;
  for (std::uint64_t n = 2; n < 5; ++n)
    ASSERT_TRUE(file.write(disk, folder.path(), numbered(n)).ok());
  std::string last;
  ASSERT_TRUE(rocksdb::ReadFileToString(&disk, path, &last).ok());
  const auto is_spoilt = [&](const std::string& bytes) {
    EXPECT_TRUE(rocksdb::WriteStringToFile(&disk, bytes, path).ok());
    EXPECT_TRUE(read().is_there);
    return read().has_spoilt_slot;
  };
  EXPECT_FALSE(is_spoilt(first));
  EXPECT_FALSE(is_spoilt(last));
  EXPECT_TRUE(is_spoilt(first.substr(0, slot_bytes) + last.substr(slot_bytes)));
  EXPECT_TRUE(is_spoilt(last.substr(0, slot_bytes) + std::string(slot_bytes, '\0')));
  EXPECT_TRUE(is_spoilt(last.substr(0, slot_bytes)));
  EXPECT_TRUE(is_spoilt(std::string(slot_bytes, '\0') + last.substr(slot_bytes)));
}

TEST_F(WitnessFile, SaysNothingIfBothAreSpoilt) {
  ASSERT_TRUE(witness_file::make(disk, folder.path(), numbered(1)).ok());
  witness_file file;
  ASSERT_TRUE(file.write(disk, folder.path(), numbered(2)).ok());
  spoil(0, fs::file_size(path));
  EXPECT_TRUE(read().is_there);
  EXPECT_EQ(number(), 0u);
  fs::resize_file(path, 0);
  EXPECT_TRUE(read().is_there);
  EXPECT_EQ(number(), 0u);
}

} // namespace
} // namespace starling::storage
