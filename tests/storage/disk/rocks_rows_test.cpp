// What rows do when the disk fails.

#include "storage/disk/rocks_rows.hpp"
#include "tests/storage/disk/child.hpp"
#include "tests/storage/disk/losing_disk.hpp"
#include "tests/storage/rows.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <filesystem>
#include <fstream>
#include <random>
#include <sched.h>
#include <sstream>
#include <sys/mount.h>
#include <unistd.h>

namespace starling::storage {
namespace {

namespace fs = std::filesystem;
using fault = losing_disk::fault;

class RocksRows : public ::testing::Test {
protected:
  RocksRows() { fs::create_directory(folder / "graveyard"); }

  opened open() {
    return open_rows(path, {std::size_t{1} << 20, std::size_t{64} << 10, machine.get(),
                            [this](std::string_view text) { told += std::string{text} + '\n'; }});
  }

  temporary_folder folder;
  const std::string path = folder / "rows";
  const std::shared_ptr<losing_disk> disk = std::make_shared<losing_disk>(folder / "graveyard", 1);
  const std::unique_ptr<rocksdb::Env> machine = machine_with(disk);
  std::string told; // read once the rows are closed, since RocksDB tells from its threads
};

std::string noise(std::size_t bytes) {
  static std::mt19937 random{1};
  std::string result(bytes, '\0');
  for (auto& byte : result)
    byte = static_cast<char>(random());
  return result;
}

/// Commits rows of some kilobytes until the store fails, and notes in `held` what it took.
wire::possible<failure> fill(store& rows, row_map& held, bool synced) {
  std::optional<failure> failed;
  for (int i = 0; i < 10'000 && !failed; ++i) {
    const row_map row{{std::to_string(i), noise(4000)}};
    failed = rows.commit({putting(row)}, synced);
    if (!failed)
      held.insert(row.begin(), row.end());
  }
  return failed;
}

/// The rows, but for the one that a commit failed with: it may be there or not.
void check(const store& rows, const row_map& held) {
  auto all = all_rows(rows);
  for (const auto& [name, value] : held)
    EXPECT_EQ(all[name], value);
  EXPECT_LE(all.size(), held.size() + 1);
}

TEST_F(RocksRows, TakeNoCommitAfterOneFailed) {
  for (const auto what : {fault::no_space, fault::error}) {
    const auto found = open();
    ASSERT_FALSE(found.rows->commit({putting({{"a", "1"}})}, true));
    disk->fail_at(1, what, false);
    const auto failed = found.rows->commit({putting({{"b", "1"}})}, true);
    const auto operations = disk->operations();

    ASSERT_TRUE(failed);
    EXPECT_EQ(failed->kind, what == fault::no_space ? trouble::full : trouble::broken);
    EXPECT_EQ(found.rows->commit({putting({{"a", "2"}})}, true), failed);
    EXPECT_EQ(found.rows->commit({putting({{"a", "2"}})}, false), failed);
    EXPECT_EQ(found.rows->commit({}, false), failed);
    EXPECT_EQ(found.rows->sync(), failed);
    EXPECT_EQ(disk->operations(), operations) << "something reached the disk";
    EXPECT_EQ(value_of(*found.rows->now(), "a"), "1");
    disk->settle();
  }
}

TEST_F(RocksRows, TakeNoCommitAfterASyncFailed) {
  const auto found = open();
  ASSERT_FALSE(found.rows->commit({putting({{"a", "1"}})}, false));
  disk->fail_at(1, fault::error, false);
  const auto failed = found.rows->sync();

  ASSERT_TRUE(failed);
  EXPECT_EQ(found.rows->commit({putting({{"a", "2"}})}, false), failed);
  EXPECT_EQ(value_of(*found.rows->now(), "a"), "1");
}

TEST_F(RocksRows, KnowWhetherACommitThatFailedMayBeThereAllTheSame) {
  for (const bool synced : {true, false})
    for (const auto what : {fault::no_space, fault::error})
      for (std::uint64_t operation = 1; operation <= 4; ++operation) {
        const auto where = testing::Message()
                           << "synced " << synced << ", no room " << (what == fault::no_space)
                           << ", operation " << operation;
        std::optional<failure> failed;
        {
          const auto found = open();
          ASSERT_FALSE(found.rows->commit({erasing({"b"}), putting({{"a", "1"}})}, true));
          disk->fail_at(operation, what, true);
          failed = found.rows->commit({putting({{"b", noise(40'000)}})}, synced);
          if (failed) {
            const auto next = found.rows->commit({putting({{"c", "1"}})}, synced);
            ASSERT_TRUE(next);
            EXPECT_FALSE(next->may_be_done) << "it was refused: " << where;
          }
        }
        disk->settle();
        if (!failed) // so many operations it did not take
          continue;
        const auto again = open();
        const bool is_there = value_of(*again.rows->now(), "b").has_value();
        EXPECT_TRUE(failed->may_be_done || !is_there) << where;
        EXPECT_EQ(value_of(*again.rows->now(), "c"), std::nullopt) << where;
      }
}

TEST_F(RocksRows, KnowThatACommitWhoseRecordWasCutShortIsNotThere) {
  const auto found = open();
  disk->fail_at(1, fault::no_space, true); // the record
  const auto failed = found.rows->commit({putting({{"a", "1"}})}, true);
  ASSERT_TRUE(failed);
  EXPECT_FALSE(failed->may_be_done);
}

TEST_F(RocksRows, DoNotKnowOfACommitWhoseSyncFailed) {
  for (const auto what : {fault::no_space, fault::error}) {
    const auto found = open();
    const std::string name = what == fault::no_space ? "a" : "b";
    disk->fail_at(2, what, true); // behind the record
    const auto failed = found.rows->commit({putting({{name, "1"}})}, true);
    ASSERT_TRUE(failed);
    EXPECT_TRUE(failed->may_be_done);
    EXPECT_EQ(value_of(*found.rows->now(), name), std::nullopt) << "nobody may see it";
    disk->settle();
  }
}

TEST_F(RocksRows, FailTheNextCommitAfterSomethingFailedInTheBackground) {
  row_map held;
  {
    const auto found = open();
    disk->refuse(".sst");

    const auto failed = fill(*found.rows, held, false);

    ASSERT_TRUE(failed);
    EXPECT_EQ(failed->kind, trouble::full) << failed->what;
    EXPECT_EQ(found.rows->commit({putting({{"late", ""}})}, true), failed);
    check(*found.rows, held);
    disk->settle();
  }
  EXPECT_NE(told.find("[ERROR]"), std::string::npos) << told;
  check(*open().rows, held);
}

TEST_F(RocksRows, AreReadWhereverADiskWithoutRoomStopsTheirOpening) {
  const rocks_settings settings{std::size_t{1} << 20, std::size_t{64} << 10, machine.get()};
  row_map held;
  const auto files = [&] {
    std::map<std::string, std::uintmax_t> result;
    for (const auto& entry : fs::directory_iterator{path})
      result[entry.path().filename()] = entry.file_size();
    return result;
  };
  {
    const auto found = open();
    for (int i = 0; i < 50; ++i) { // more than the write buffer holds
      const row_map row{{std::to_string(i), noise(4000)}};
      ASSERT_FALSE(found.rows->commit({putting(row)}, true));
      held.insert(row.begin(), row.end());
    }
  }
  disk->settle();
  int refusals = 0;
  for (std::uint64_t operation = 1;; ++operation) {
    disk->fail_at(operation, fault::no_space, true);
    auto opened = open_rocks_store(path, settings);
    const auto* why = std::get_if<failure>(&opened);
    if (why == nullptr && operation > 1)
      break; // it had all that it needed
    if (why != nullptr) {
      ++refusals;
      EXPECT_EQ(why->kind, trouble::full) << why->what;
      const auto before = files();
      const auto operations = disk->operations();
      auto readable = open_rocks_store_to_read(path, settings);
      ASSERT_TRUE(std::holds_alternative<std::unique_ptr<store>>(readable))
          << "operation " << operation << ": " << std::get<failure>(readable).what;
      const auto& rows = std::get<std::unique_ptr<store>>(readable);
      EXPECT_EQ(all_rows(*rows), held) << "operation " << operation;
      const auto refused = rows->commit({putting({{"new", "1"}})}, true);
      ASSERT_TRUE(refused);
      EXPECT_FALSE(refused->may_be_done);
      EXPECT_TRUE(rows->sync());
      EXPECT_EQ(value_of(*rows->now(), "new"), std::nullopt);
      EXPECT_EQ(disk->operations(), operations) << "something was changed";
      EXPECT_EQ(files(), before) << "something was changed";
    }
    disk->settle();
  }
  EXPECT_GT(refusals, 3);
  disk->settle();
  const auto found = open();
  EXPECT_EQ(found.damage, std::nullopt);
  EXPECT_EQ(all_rows(*found.rows), held);
}

TEST_F(RocksRows, AreNotReadWhereThereAreNoneOrSomeMayBeMissing) {
  EXPECT_TRUE(std::holds_alternative<failure>(open_rocks_store_to_read(path)));
  EXPECT_FALSE(fs::exists(path)) << "it was made";
  ASSERT_FALSE(open_rows(path).rows->commit({putting({{"a", "1"}})}, true));
  fs::remove(path + "/witness");
  const auto refused = open_rocks_store_to_read(path);
  ASSERT_TRUE(std::holds_alternative<failure>(refused));
  EXPECT_EQ(std::get<failure>(refused).kind, trouble::corrupted);
}

TEST_F(RocksRows, FailOnlyReadsOfADamagedBlock) {
  row_map held;
  for (int i = 10; i < 90; ++i)
    held[std::to_string(i)] = noise(1000);
  ASSERT_FALSE(open_rows(path).rows->commit({putting(held)}, true));
  open_rows(path); // makes a file of rows of the log
  for (const auto& entry : fs::directory_iterator{path}) {
    std::stringstream text;
    text << std::ifstream{entry.path(), std::ios::binary}.rdbuf();
    const auto at = text.str().find(held["50"]);
    if (entry.path().extension() != ".sst" || at == std::string::npos)
      continue;
    std::fstream file{entry.path(), std::ios::in | std::ios::out | std::ios::binary};
    file.seekp(static_cast<std::streamoff>(at) + 500);
    file.put(static_cast<char>(~text.str()[at + 500]));
  }

  const auto found = open_rows(path);
  const auto now = found.rows->now();

  const auto damaged = now->find("50");
  ASSERT_TRUE(std::holds_alternative<failure>(damaged));
  EXPECT_EQ(std::get<failure>(damaged).kind, trouble::corrupted);
  row_map seen;
  const auto failed = now->scan(
      "", after_all, [&](auto name, auto value) { return seen.emplace(name, value).second; });
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->kind, trouble::corrupted);
  EXPECT_GE(seen.size(), 30u);
  EXPECT_LE(seen.size(), 40u);
  for (const auto& [name, value] : seen)
    EXPECT_EQ(value, held[name]);
  EXPECT_EQ(value_of(*now, "10"), held["10"]);
  EXPECT_EQ(value_of(*now, "89"), held["89"]);
  EXPECT_FALSE(found.rows->commit({putting({{"50", "new"}})}, true));
  EXPECT_EQ(value_of(*found.rows->now(), "50"), "new") << "what was written since hides the damage";
}

TEST_F(RocksRows, ReadInMemoryOnlyWhatWasReadBefore) {
  const row_map held{{"a", "1"}, {"b", "2"}};
  ASSERT_FALSE(open_rows(path).rows->commit({putting(held)}, true));
  open_rows(path); // makes a file of rows of the log
  const auto found = open_rows(path);
  const auto kind_of = [](const auto& result) {
    const auto* failed = std::get_if<failure>(&result);
    return failed ? std::optional{failed->kind} : std::nullopt;
  };

  const auto cold = found.rows->now_in_memory();
  EXPECT_EQ(kind_of(cold->find("a")), trouble::unread);
  const auto unseen = cold->scan("", after_all, [](auto, auto) { return true; });
  EXPECT_EQ(unseen.value_or(failure{}).kind, trouble::unread);

  EXPECT_EQ(all_rows(*found.rows), held);
  EXPECT_EQ(all_rows(*found.rows->now_in_memory()), held);
  EXPECT_EQ(value_of(*found.rows->now_in_memory(), "a"), "1");
  ASSERT_FALSE(found.rows->commit({putting({{"c", "3"}})}, true));
  EXPECT_EQ(value_of(*found.rows->now_in_memory(), "c"), "3");
  EXPECT_EQ(value_of(*cold, "c"), std::nullopt) << "of another moment";
}

// In a child, whose mounts nobody else sees.
TEST(RocksRowsChild, DISABLED_FillsADisk) {
  const auto mount = child_argument();
  ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
  ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  ASSERT_EQ(::mount("tmpfs", mount.c_str(), "tmpfs", 0, "size=8m"), 0);
  row_map held;
  {
    const auto found = open_rows(mount + "/rows");
    const auto failed = fill(*found.rows, held, true);
    ASSERT_TRUE(failed);
    EXPECT_EQ(failed->kind, trouble::full) << failed->what;
    EXPECT_GT(held.size(), 100u);
    check(*found.rows, held);
  }
  ASSERT_EQ(::mount("tmpfs", mount.c_str(), "tmpfs", MS_REMOUNT, "size=64m"), 0);
  check(*open_rows(mount + "/rows").rows, held);
  ASSERT_EQ(::mount("tmpfs", mount.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr), 0);
  const auto refused = refused_rows(mount + "/rows");
  EXPECT_EQ(refused.kind, trouble::read_only) << refused.what;
}

TEST_F(RocksRows, SurviveThatTheDiskIsFull) {
  const auto probe = ::fork();
  if (probe == 0)
    ::_exit(::unshare(CLONE_NEWNS) == 0 ? 0 : 1);
  if (status_of(probe) != 0)
    GTEST_SKIP() << "this process may not mount a small disk";

  EXPECT_EQ(status_of(start_child("RocksRowsChild.DISABLED_FillsADisk", folder / "graveyard")), 0);
}

} // namespace
} // namespace starling::storage
