// Rows on a disk of which a byte is flipped, wherever it is, are rebuilt.

#include "storage/disk/rebuild.hpp"
#include "storage/identity.hpp"
#include "tests/storage/disk/flip.hpp"
#include "tests/storage/rows.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <filesystem>
#include <fstream>
#include <random>
#include <vector>

namespace starling::storage {
namespace {

namespace fs = std::filesystem;
using crdt::type;

const auto own_id = crdt::replica_id::from(1, 1);
const replication::digester digests{wire::secret{"cluster", "key"}.sign("digest", {})};

crdt::payload text(std::string x) {
  return {crdt::payload_kind::text, std::move(x)};
}

const rocks_settings giving_up = [] {
  auto result = small_settings;
  result.gives_up = true;
  return result;
}();

class Rebuild : public testing::Test {
protected:
  std::string path() const { return above / "data"; }
  std::string rows() const { return path() + "/rows"; }

  folder prepare() {
    auto prepared = open_data_folder(path());
    if (const auto* why = std::get_if<failure>(&prepared))
      throw std::runtime_error{why->what};
    return std::get<folder>(std::move(prepared));
  }

  /// Some hundred keys in one file.
  void fill() {
    const auto data = prepare();
    std::mt19937 random{1};
    {
      const auto found = open_rows(rows());
      EXPECT_FALSE(renew_digests(*found.rows, digests));
      batch all;
      for (int i = 0; i < 300; ++i) {
        const auto name = std::to_string(random());
        add({type::counter, name}, crdt::counter_add{i + 1}, all);
        crdt::set_change change;
        for (int k = 0; k < 3; ++k)
          change.add.push_back({text(std::to_string(random())), {}});
        add({type::set, name}, change, all);
      }
      EXPECT_FALSE(found.rows->commit({all}, true));
    }
    open_rows(rows()); // makes a file of rows of the log
  }

  void add(const crdt::key& key, const crdt::command& c, batch& all) {
    held_value value{key};
    value.apply(c, own_id, 1, digests, &all);
    written.emplace(key, value.value());
  }

  fs::path file_of_rows() const {
    for (const auto& entry : fs::directory_iterator{rows()})
      if (entry.path().extension() == ".sst")
        return entry.path();
    throw std::runtime_error{"there is none"};
  }

  std::optional<rebuilt> rebuild(const rocks_settings& settings = small_settings) {
    auto data = prepare();
    auto done = rebuild_if_ordered(data, settings, digests);
    if (const auto* why = std::get_if<failure>(&done)) {
      ADD_FAILURE() << why->what;
      return std::nullopt;
    }
    return std::get<std::optional<rebuilt>>(std::move(done));
  }

  /// How many keys are as they were; each other one must be lost.
  std::size_t count_whole(const lost_keys& lost) {
    const auto found = open_rows(rows());
    std::size_t result = 0;
    for (const auto& [key, value] : written) {
      const auto read = read_value(*found.rows->now(), key, UINT64_MAX, digests);
      const auto* kept = std::get_if<std::optional<held_value>>(&read);
      if (!kept) {
        ADD_FAILURE() << std::get<failure>(read).what;
      } else if (*kept) {
        EXPECT_EQ((*kept)->value(), value) << key.name;
        ++result;
      } else {
        EXPECT_TRUE(lost.contains(key)) << key.name << " vanished";
      }
    }
    return result;
  }

  temporary_folder above;
  std::map<crdt::key, crdt::value> written;
};

TEST_F(Rebuild, IsNotDoneUnlessItIsOrdered) {
  fill();
  flip(file_of_rows(), 100);
  EXPECT_FALSE(rebuild());
}

TEST_F(Rebuild, LosesLittleWhereverAByteIsFlipped) {
  fill();
  fs::copy(rows(), above / "sound", fs::copy_options::recursive);
  const auto size = fs::file_size(file_of_rows());
  std::size_t refused = 0;
  std::vector<std::uintmax_t> places{size - 4}; // in the number that a file of rows is known by
  for (std::uintmax_t at = 10; at < size; at += size / 37)
    places.push_back(at);
  for (const auto at : places) {
    SCOPED_TRACE(at);
    fs::remove_all(rows());
    fs::copy(above / "sound", rows(), fs::copy_options::recursive);
    flip(file_of_rows(), at);
    refused += std::holds_alternative<failure>(open_rocks_store(rows(), small_settings)) ? 1 : 0;

    ASSERT_FALSE(order_rebuild(path(), "a flipped byte"));
    const auto done = rebuild();

    ASSERT_TRUE(done);
    EXPECT_EQ(done->why, "a flipped byte");
    const auto whole = count_whole(done->rows.lost);
    EXPECT_EQ(done->rows.kept, whole);
    const auto found = open_rows(rows());
    EXPECT_EQ(std::get<lost_keys>(read_lost_keys(*found.rows->now())), done->rows.lost);
    for (const auto& part : found.rows->parts())
      EXPECT_FALSE(found.rows->verify(part));
    if (HasFailure())
      return;
    // A block is 4 KiB; the last part of the file is about all of it.
    if (at < size * 9 / 10) {
      EXPECT_GE(whole, written.size() * 2 / 3);
    }
    EXPECT_FALSE(rebuild()) << "it is done";
  }
  EXPECT_GT(refused, 0u) << "no damage was such that the file cannot be opened";
}

TEST_F(Rebuild, LosesWhatWasCutOff) {
  fill();
  fs::copy(rows(), above / "sound", fs::copy_options::recursive);
  const auto size = fs::file_size(file_of_rows());
  for (const auto left : {size / 2, size - 1, std::uintmax_t{0}}) {
    SCOPED_TRACE(left);
    fs::remove_all(rows());
    fs::copy(above / "sound", rows(), fs::copy_options::recursive);
    fs::resize_file(file_of_rows(), left);
    EXPECT_EQ(refused_rows(rows()).kind, trouble::corrupted);

    ASSERT_FALSE(order_rebuild(path(), "x"));
    const auto done = rebuild();

    ASSERT_TRUE(done);
    count_whole(done->rows.lost);
  }
}

TEST_F(Rebuild, GoesOnWhereAnotherProcessEnded) {
  fill();
  const auto expect_whole = [&] {
    EXPECT_FALSE(fs::exists(rows() + ".old"));
    EXPECT_FALSE(fs::exists(path() + "/damaged"));
    EXPECT_EQ(count_whole({}), written.size());
  };
  // While it was copying.
  ASSERT_FALSE(order_rebuild(path(), "x"));
  fs::copy(rows(), rows() + ".new", fs::copy_options::recursive);
  fs::remove(rows() + ".new/CURRENT");
  EXPECT_TRUE(rebuild());
  expect_whole();
  // When the old rows had made room.
  ASSERT_FALSE(order_rebuild(path(), "x"));
  fs::copy(rows(), rows() + ".new", fs::copy_options::recursive);
  fs::rename(rows(), rows() + ".old");
  EXPECT_FALSE(rebuild());
  expect_whole();
  // When the new ones were in place.
  ASSERT_FALSE(order_rebuild(path(), "x"));
  fs::create_directory(rows() + ".old");
  EXPECT_FALSE(rebuild());
  expect_whole();
}

TEST_F(Rebuild, FailsWhereNothingCanBeOpened) {
  fill();
  ASSERT_FALSE(order_rebuild(path(), "x"));
  fs::remove(rows() + "/CURRENT");
  auto data = prepare();
  const auto done = rebuild_if_ordered(data, small_settings, digests);
  ASSERT_TRUE(std::holds_alternative<failure>(done));
  EXPECT_EQ(std::get<failure>(done).kind, trouble::missing);
  EXPECT_TRUE(fs::exists(file_of_rows())) << "something was removed";
}

TEST_F(Rebuild, TakesWhatIsLeftWhereSomebodyGivesUpTheRest) {
  fill();
  ASSERT_FALSE(order_rebuild(path(), "x"));
  fs::remove(rows() + "/CURRENT");
  const auto done = rebuild(giving_up);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->rows.kept, written.size());
  EXPECT_EQ(count_whole(done->rows.lost), written.size());
  for (const auto& [key, value] : written)
    EXPECT_TRUE(done->rows.lost.contains(key)) << "nothing shows that it is the newest state";
  EXPECT_EQ(done->kept_in, path() + "/rows.damaged");
  EXPECT_FALSE(fs::exists(rows() + ".old"));
  EXPECT_FALSE(fs::exists(rows() + ".remains"));
  EXPECT_FALSE(rebuild(giving_up)) << "it is done";
}

TEST_F(Rebuild, KeepsWhatWasGivenUpBesideWhatWasBefore) {
  fill();
  for (const std::string name : {"rows.damaged", "rows.damaged.2", "rows.damaged.3"}) {
    ASSERT_FALSE(order_rebuild(path(), "x"));
    fs::remove(rows() + "/CURRENT");
    const auto done = rebuild(giving_up);
    ASSERT_TRUE(done);
    EXPECT_EQ(done->kept_in, path() + "/" + name);
    EXPECT_TRUE(fs::exists(*done->kept_in + "/witness"));
  }
  EXPECT_EQ(count_whole({}), written.size());
}

TEST_F(Rebuild, KeepsThemAlsoWhereAnotherProcessEndedInBetween) {
  fill();
  fs::create_directory(rows() + ".old");
  std::ofstream{rows() + ".old/given-up"};
  EXPECT_FALSE(rebuild());
  EXPECT_TRUE(fs::exists(path() + "/rows.damaged/given-up"));
}

TEST_F(Rebuild, DoesNotKeepThemWhereTheyAreWholeAfterAll) {
  fill();
  std::ofstream{rows() + "/given-up"}; // by a process that ended meanwhile; then the file came back
  ASSERT_FALSE(order_rebuild(path(), "x"));
  const auto done = rebuild(giving_up);
  ASSERT_TRUE(done);
  EXPECT_FALSE(done->kept_in);
  EXPECT_FALSE(fs::exists(path() + "/rows.damaged"));
  EXPECT_TRUE(done->rows.lost.empty());
}

TEST_F(Rebuild, DropsNothingWhileAFileIsMissing) {
  fill();
  const auto missing = file_of_rows();
  fs::rename(missing, above / "aside");
  EXPECT_EQ(refused_rows(rows()).kind, trouble::corrupted);
  ASSERT_FALSE(order_rebuild(path(), "x"));
  {
    auto data = prepare();
    const auto done = rebuild_if_ordered(data, small_settings, digests);
    ASSERT_TRUE(std::holds_alternative<failure>(done)) << "it may come back";
    EXPECT_NE(std::get<failure>(done).what.find(missing.stem()), std::string::npos);
  }

  fs::rename(above / "aside", missing);
  EXPECT_TRUE(rebuild());
  EXPECT_EQ(count_whole({}), written.size());
}

TEST_F(Rebuild, CannotBeOrderedWhereNothingCanBeWritten) {
  EXPECT_TRUE(order_rebuild(above / "missing", "x"));
}

TEST_F(Rebuild, FindsDamageByReadingPartByPart) {
  fill();
  const auto damaged = file_of_rows();
  flip(damaged, fs::file_size(damaged) / 2);
  const auto found = open_rows(rows());
  const auto parts = found.rows->parts();
  ASSERT_EQ(parts.size(), 1u);
  const auto what = found.rows->verify(parts.front());
  ASSERT_TRUE(what);
  EXPECT_EQ(what->kind, trouble::corrupted);
  EXPECT_FALSE(found.rows->verify("/999999.sst")) << "it is not in use";
}

} // namespace
} // namespace starling::storage
