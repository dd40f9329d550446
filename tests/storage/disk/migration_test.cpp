// A folder of format 1 becomes one of today, wherever the process or the power ends on the way.

#include "storage/disk/damage_note.hpp"
#include "storage/disk/rebuild.hpp"
#include "storage/disk/stamps.hpp"
#include "storage/identity.hpp"
#include "storage/memory_store.hpp"
#include "storage/tally_rows.hpp"
#include "tests/storage/disk/losing_disk.hpp"
#include "tests/storage/first_rows.hpp"
#include "tests/storage/rows.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <filesystem>
#include <fstream>
#include <random>

namespace starling::storage {
namespace {

namespace fs = std::filesystem;
using crdt::type;
using fault = losing_disk::fault;

const auto own_id = crdt::replica_id::from(1, 1);
const replication::digester digests{wire::secret{"cluster", "key"}.sign("digest", {})};

crdt::payload text(std::string x) {
  return {crdt::payload_kind::text, std::move(x)};
}

class Migration : public testing::Test {
protected:
  std::string path() const { return above / "data"; }
  std::string rows() const { return path() + "/rows"; }

  folder prepare() {
    auto prepared = open_data_folder(path());
    if (const auto* why = std::get_if<failure>(&prepared))
      throw std::runtime_error{why->what};
    return std::get<folder>(std::move(prepared));
  }

  std::string format() const {
    std::ifstream file{path() + "/format"};
    std::string result;
    std::getline(file, result);
    return result;
  }

  /// A folder of format 1 with some keys.
  void fill(int keys = 40) {
    memory_store present;
    EXPECT_FALSE(renew_digests(present, digests));
    EXPECT_TRUE(std::holds_alternative<taken_up>(adopt_replica(present, {}, true, own_id)));
    std::mt19937 random{1};
    for (int i = 0; i < keys; ++i) {
      const auto name = std::to_string(random());
      crdt::set_change change;
      for (int k = 0; k < 20; ++k)
        change.add.push_back({text(std::to_string(1000 * k)), {}});
      for (const auto& [key, command] :
           {std::pair{crdt::key{type::counter, name}, crdt::command{crdt::counter_add{i + 1}}},
            std::pair{crdt::key{type::set, name}, crdt::command{change}}}) {
        held_value value{key};
        batch changed;
        value.apply(command, own_id, 1, digests, &changed);
        EXPECT_FALSE(present.commit({changed}, true));
      }
    }
    const auto contents = present.contents();
    expected = {contents.begin(), contents.end()};
    prepare();
    make_format_of_format_1(path());
    {
      const auto found = open_rows(rows());
      EXPECT_FALSE(found.rows->commit({putting(as_of_format_1(contents))}, true));
    }
    open_rows(rows()); // makes a file of rows of the log
  }

  found<std::optional<rebuilt>> migrate(const rocks_settings& settings = small_settings) {
    auto data = prepare();
    return rebuild_if_ordered(data, settings, digests);
  }

  rebuilt migrated(const rocks_settings& settings = small_settings) {
    auto done = migrate(settings);
    if (const auto* why = std::get_if<failure>(&done))
      throw std::runtime_error{why->what};
    auto& made = std::get<std::optional<rebuilt>>(done);
    return made ? std::move(*made) : rebuilt{};
  }

  /// Whatever happened: nothing is lost, and nothing is left over.
  void expect_migrated() {
    EXPECT_EQ(format(), "starling data 2");
    EXPECT_EQ(all_rows(*open_rows(rows()).rows), expected);
    for (const auto& entry : fs::directory_iterator{path()})
      EXPECT_TRUE(entry.path().filename() == "format" || entry.path().filename() == "rows")
          << entry.path();
  }

  temporary_folder above;
  row_map expected;
};

TEST_F(Migration, GivesEachRowItsNewNameAndKeepsTheReplicaId) {
  fill();
  const auto before = prepare().format_file();
  EXPECT_TRUE(prepare().is_of_format_1());

  const auto done = migrated();

  EXPECT_EQ(done.why, "");
  EXPECT_EQ(done.rows.kept, 80u);
  EXPECT_TRUE(done.rows.has_replica);
  expect_migrated();
  EXPECT_FALSE(prepare().is_of_format_1());
  const auto after = prepare().format_file();
  EXPECT_EQ(after.inode, before.inode);
  EXPECT_EQ(after.born_ns, before.born_ns);
  EXPECT_EQ(after.modified_ns, before.modified_ns) << "the evidence of the replica id is the same";
  EXPECT_FALSE(std::get<0>(migrate())) << "it is done";
}

TEST_F(Migration, IsForAFolderWithoutRowsToo) {
  prepare();
  make_format_of_format_1(path());
  EXPECT_TRUE(migrated().rows.is_all_there);
  expect_migrated();
}

TEST_F(Migration, BeginsAnewBeforeItHasHappened) {
  fill();
  // Killed while it copied; and when the new rows were complete, after which the older binary came
  // back: what is in them is old.
  fs::copy(rows(), rows() + ".new", fs::copy_options::recursive);
  fs::remove(rows() + ".new/CURRENT");
  fs::create_directory(rows() + ".migrated");
  std::ofstream{rows() + ".migrated/CURRENT"} << "nonsense";
  migrated();
  expect_migrated();
}

TEST_F(Migration, GoesOnOnceItHasHappened) {
  fill();
  fs::copy(path(), above / "first", fs::copy_options::recursive);
  migrated();
  fs::rename(path(), above / "made");
  const auto begin = [&] {
    fs::remove_all(path());
    fs::create_directory(path());
    fs::copy_file(above / "made/format", path() + "/format");
  };
  begin();
  fs::copy(above / "made/rows", rows() + ".migrated", fs::copy_options::recursive);
  fs::copy(above / "first/rows", rows(), fs::copy_options::recursive);
  EXPECT_FALSE(std::get<0>(migrate()));
  expect_migrated();

  begin();
  fs::copy(above / "made/rows", rows() + ".migrated", fs::copy_options::recursive);
  fs::copy(above / "first/rows", rows() + ".old", fs::copy_options::recursive);
  EXPECT_FALSE(std::get<0>(migrate()));
  expect_migrated();

  begin();
  fs::copy(above / "made/rows", rows(), fs::copy_options::recursive);
  fs::copy(above / "first/rows", rows() + ".old", fs::copy_options::recursive);
  EXPECT_FALSE(std::get<0>(migrate()));
  expect_migrated();
}

TEST_F(Migration, GoesOnWhereARebuildOfFormat1Ended) {
  fill();
  fs::create_directory(rows() + ".old");
  std::ofstream{path() + "/damaged"} << "x";
  migrated();
  expect_migrated();
}

// Whichever operation on files is the last one, the next start ends with all rows in their places.
TEST_F(Migration, SurvivesTheEndOfTheProcessAndOfThePowerAtAnyMoment) {
  fill(10);
  fs::copy(path(), above / "first", fs::copy_options::recursive);
  std::size_t ended_on_the_way = 0;
  for (const auto what : {fault::error, fault::no_space, fault::power}) {
    bool is_done = false;
    for (std::uint64_t at = 1; !is_done; ++at) {
      SCOPED_TRACE(std::to_string(static_cast<int>(what)) + " " + std::to_string(at));
      ASSERT_LT(at, 500u);
      fs::remove_all(path());
      fs::copy(above / "first", path(), fs::copy_options::recursive);
      fs::remove_all(above / "graveyard");
      fs::create_directory(above / "graveyard");
      const auto disk = std::make_shared<losing_disk>(above / "graveyard", at);
      const auto env = machine_with(disk);
      auto settings = small_settings;
      settings.env = env.get();
      disk->fail_at(at, what, true);
      is_done = !std::holds_alternative<failure>(migrate(settings));
      ended_on_the_way += is_done ? 0 : 1;
      if (what == fault::power && !is_done)
        disk->lose_power();
      else
        disk->settle();
      migrated(settings);
      expect_migrated();
      if (HasFailure())
        return;
    }
  }
  EXPECT_GT(ended_on_the_way, 30u);
}

TEST_F(Migration, WaitsForRoom) {
  fill();
  const auto disk = std::make_shared<losing_disk>(above / "graveyard", 1);
  fs::create_directory(above / "graveyard");
  const auto env = machine_with(disk);
  auto settings = small_settings;
  settings.env = env.get();
  disk->fail_at(20, fault::no_space, true);
  const auto done = migrate(settings);
  ASSERT_TRUE(std::holds_alternative<failure>(done));
  EXPECT_EQ(std::get<failure>(done).kind, trouble::full);
  EXPECT_EQ(format(), "starling data 1") << "the older binary may go on with it";
  disk->settle();
  migrated(settings);
  expect_migrated();
}

TEST_F(Migration, GivesUpTheReplicaIdWhereTheLastCommitMayBeMissing) {
  fill();
  ASSERT_TRUE(damage_note(*rocksdb::Env::Default(), rows()).write("the end is missing").ok());
  const auto done = migrated();
  EXPECT_EQ(done.why, "the end is missing");
  EXPECT_FALSE(done.rows.has_replica);
  EXPECT_TRUE(done.rows.lost.empty());
  batch change;
  put_tally(change, {own_id, given_up_for_good});
  memory_store given_up;
  ASSERT_FALSE(given_up.commit({change}, true));
  expected.erase(replica_row());
  expected.merge(given_up.contents());
  expect_migrated();
}

TEST_F(Migration, RebuildsRowsThatAreDamaged) {
  fill();
  for (const auto& entry : fs::directory_iterator{rows()})
    if (entry.path().extension() == ".sst") {
      std::fstream file{entry.path(), std::ios::in | std::ios::out | std::ios::binary};
      for (std::uintmax_t at = 0; at + 8000 < entry.file_size(); at += 3000) {
        file.seekp(static_cast<std::streamoff>(at));
        file.put('\xff');
      }
    }
  const auto done = migrated();
  EXPECT_NE(done.why, "");
  EXPECT_FALSE(done.rows.has_replica);
  EXPECT_FALSE(done.rows.lost.empty());
  EXPECT_EQ(format(), "starling data 2");
  EXPECT_FALSE(value_of(*open_rows(rows()).rows->now(), replica_row()));
}

TEST_F(Migration, TakesWhatIsLeftWhereSomebodyGivesUpTheRest) {
  fill();
  fs::remove(rows() + "/CURRENT");
  const auto refused = migrate();
  ASSERT_TRUE(std::holds_alternative<failure>(refused));
  EXPECT_EQ(std::get<failure>(refused).kind, trouble::missing);
  EXPECT_EQ(format(), "starling data 1");
  auto giving_up = small_settings;
  giving_up.gives_up = true;
  const auto done = migrated(giving_up);
  EXPECT_EQ(done.rows.kept, 80u);
  EXPECT_FALSE(done.rows.has_replica);
  EXPECT_TRUE(done.rows.lost.contains({type::counter, "any"})) << "nothing shows what is missing";
  EXPECT_EQ(done.kept_in, path() + "/rows.damaged");
  EXPECT_EQ(format(), "starling data 2");
  EXPECT_FALSE(std::get<0>(migrate())) << "it is done";
}

TEST_F(Migration, LeavesFoldersOfLaterVersionsAlone) {
  prepare();
  std::ofstream{path() + "/format"} << "starling data 3\n";
  const auto refused = open_data_folder(path());
  ASSERT_TRUE(std::holds_alternative<failure>(refused));
  EXPECT_NE(std::get<failure>(refused).what.find("another version"), std::string::npos);
  EXPECT_EQ(format(), "starling data 3");
}

} // namespace
} // namespace starling::storage
