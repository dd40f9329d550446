#include "storage/disk/backup.hpp"
#include "storage/disk/folder.hpp"
#include "storage/identity.hpp"
#include "storage/memory_store.hpp"
#include "tests/storage/disk/losing_disk.hpp"
#include "tests/storage/rows.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <set>
#include <sstream>
#include <sys/stat.h>

namespace starling::storage {
namespace {

using ::testing::HasSubstr;
using names = std::set<std::string>;

std::string text_of(const std::string& file) {
  std::ostringstream result;
  result << std::ifstream{file}.rdbuf();
  return result.str();
}

names names_in(const std::string& path) {
  names result;
  for (const auto& entry : std::filesystem::directory_iterator{path})
    result.insert(entry.path().filename());
  return result;
}

const auto first_id = crdt::replica_id::from(1, 1);
const auto second_id = crdt::replica_id::from(2, 2);
const auto third_id = crdt::replica_id::from(3, 3);

class Backup : public ::testing::Test {
protected:
  Backup() { std::ofstream{identity} << "who it is\n"; }

  static folder take(const std::string& path) {
    auto result = open_data_folder(path);
    if (const auto* failed = std::get_if<failure>(&result))
      throw std::runtime_error{failed->what};
    return std::get<folder>(std::move(result));
  }

  /// The replica id that a life of a node on that folder goes on with.
  static crdt::replica_id replica_at(const std::string& path, const crdt::replica_id& fresh) {
    const auto used = take(path);
    const auto rows = open_rows(used.rows());
    const evidence seen{.format_file = used.format_file(), .is_whole = !rows.damage};
    const auto result = adopt_replica(*rows.rows, seen, true, fresh);
    EXPECT_TRUE(std::holds_alternative<taken_up>(result));
    return std::get<taken_up>(result).id;
  }

  /// Makes a backup of the rows at `data`, which a node with the first id used.
  void make_backup() {
    ASSERT_EQ(replica_at(data, first_id), first_id);
    const auto used = take(data);
    const auto rows = open_rows(used.rows());
    const auto failed = copy_to_backup(*rows.rows, identity, copy);
    ASSERT_FALSE(failed) << failed->what;
  }

  std::string refused(store& rows, const std::string& target) {
    const auto failed = copy_to_backup(rows, identity, target);
    EXPECT_TRUE(failed) << "it was made";
    return failed ? failed->what : "";
  }

  temporary_folder above;
  const std::string data = above / "data";
  const std::string copy = above / "copy";
  const std::string identity = above / "who";
};

TEST_F(Backup, IsADataFolderWithAllThatWasCommitted) {
  const auto used = take(data);
  const auto original = open_rows(used.rows());
  ASSERT_FALSE(original.rows->commit({putting({{"a", "1"}})}, true));
  ASSERT_FALSE(original.rows->commit({putting({{"b", "1"}})}, false));

  const auto failed = copy_to_backup(*original.rows, identity, copy);
  ASSERT_FALSE(original.rows->commit({putting({{"c", "1"}})}, true));

  ASSERT_FALSE(failed) << failed->what;
  EXPECT_EQ(names_in(copy), (names{"format", "identity", "rows"}));
  EXPECT_EQ(text_of(copy + "/identity"), "who it is\n");
  EXPECT_EQ(names_in(above.path()), (names{"copy", "data", "who"}));
  struct stat found {};
  ASSERT_EQ(::stat(copy.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0700u);
  const auto taken = take(copy);
  EXPECT_EQ(all_rows(*open_rows(taken.rows()).rows), (row_map{{"a", "1"}, {"b", "1"}}));
}

TEST_F(Backup, MayBeNamedWithASlashAtTheEnd) {
  const auto original = open_rows(above / "rows");

  ASSERT_FALSE(copy_to_backup(*original.rows, identity, copy + "/"));

  EXPECT_EQ(names_in(above.path()), (names{"copy", "rows", "who"}));
}

// -- who numbers events on it --

TEST_F(Backup, GetsANewReplicaIdAndTheOriginalKeepsItsOwn) {
  make_backup();

  EXPECT_EQ(replica_at(copy, second_id), second_id);
  EXPECT_EQ(replica_at(copy, third_id), second_id) << "it is an original from now on";
  EXPECT_EQ(replica_at(data, third_id), first_id);
}

TEST_F(Backup, GetsANewReplicaIdInThePlaceOfTheOriginal) {
  make_backup();
  std::filesystem::remove_all(data);
  std::filesystem::rename(copy, data);

  EXPECT_EQ(replica_at(data, second_id), second_id);
  EXPECT_EQ(replica_at(data, third_id), second_id);
}

TEST_F(Backup, IsToldFromTheOriginalByItsFileFormatAlone) {
  make_backup();
  ASSERT_TRUE(std::filesystem::remove(copy + "/rows/damaged")); // the note
  std::filesystem::remove_all(data);
  std::filesystem::rename(copy, data);

  EXPECT_EQ(replica_at(data, second_id), second_id);
}

// A file may get the number of one that was removed.
TEST_F(Backup, IsToldFromTheOriginalByItsNoteAlone) {
  make_backup();
  const auto used = take(data);
  const auto rows = open_rows(copy + "/rows");
  ASSERT_TRUE(rows.damage);
  EXPECT_THAT(*rows.damage, HasSubstr("a backup"));
  const evidence as_the_original{.format_file = used.format_file(), .is_whole = !rows.damage};

  const auto id = adopt_replica(*rows.rows, as_the_original, true, second_id);

  EXPECT_EQ(std::get<taken_up>(id).id, second_id);
}

// -- what is refused --

TEST_F(Backup, IsNotMadeWhereSomethingIs) {
  const auto original = open_rows(above / "rows");
  std::filesystem::create_directory(copy);
  std::filesystem::create_symlink("nowhere", above / "link");

  EXPECT_EQ(refused(*original.rows, copy), copy + " exists already");
  EXPECT_EQ(refused(*original.rows, copy + "/"), copy + " exists already");
  EXPECT_EQ(refused(*original.rows, identity), identity + " exists already");
  EXPECT_EQ(refused(*original.rows, above / "link"), above / "link" + " exists already");

  EXPECT_TRUE(std::filesystem::is_empty(copy));
  EXPECT_EQ(names_in(above.path()), (names{"copy", "link", "rows", "who"}));
}

TEST_F(Backup, IsNotMadeInAFolderThatIsMissing) {
  const auto original = open_rows(above / "rows");

  EXPECT_EQ(refused(*original.rows, above / "no/copy"),
            "cannot make a folder in " + above / "no" + ": No such file or directory");
  EXPECT_EQ(refused(*original.rows, identity + "/copy"),
            "cannot make " + identity + "/copy: Not a directory");
}

TEST_F(Backup, IsNotMadeUnderANameThatIsTooLong) {
  const auto original = open_rows(above / "rows");

  EXPECT_THAT(refused(*original.rows, above / std::string(300, 'x')), HasSubstr("name too long"));
}

TEST_F(Backup, LeavesNothingWhereRowsCannotBeCopied) {
  memory_store rows;

  EXPECT_THAT(refused(rows, copy), HasSubstr("rows in memory cannot be copied"));

  EXPECT_EQ(names_in(above.path()), (names{"who"}));
}

TEST_F(Backup, LeavesNothingWithoutTheNodesId) {
  const auto original = open_rows(above / "rows");
  std::filesystem::remove(identity);

  EXPECT_THAT(refused(*original.rows, copy), HasSubstr("cannot read " + identity));

  EXPECT_EQ(names_in(above.path()), (names{"rows"}));
}

TEST_F(Backup, LeavesNothingWhereRoomEnds) {
  std::filesystem::create_directory(above / "graveyard");
  const auto disk = std::make_shared<losing_disk>(above / "graveyard", 1);
  const auto machine = machine_with(disk);
  auto settings = small_settings;
  settings.env = machine.get();
  const auto original = open_rows(above / "rows", settings);
  ASSERT_FALSE(original.rows->commit({putting({{"a", "1"}})}, true));

  for (const auto* file : {"/CURRENT", ".log"}) {
    disk->refuse(file);
    const auto failed = copy_to_backup(*original.rows, identity, copy);
    disk->settle();
    ASSERT_TRUE(failed) << file;
    EXPECT_EQ(failed->kind, trouble::full) << failed->what;
    EXPECT_EQ(names_in(above.path()), (names{"graveyard", "rows", "who"}));
  }
  EXPECT_FALSE(original.rows->commit({putting({{"a", "2"}})}, true)) << "the original goes on";
  EXPECT_FALSE(copy_to_backup(*original.rows, identity, copy));
}

} // namespace
} // namespace starling::storage
