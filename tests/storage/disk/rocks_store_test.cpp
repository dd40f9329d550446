#include "storage/disk/rocks_store.hpp"
#include "storage/event_index.hpp"
#include "storage/layout.hpp"
#include "storage/memory_store.hpp"
#include "tests/storage/rows.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <random>

namespace starling::storage {
namespace {

using ::testing::HasSubstr;

class RocksStore : public ::testing::Test {
protected:
  temporary_folder folder;
  const std::string path = folder / "rows";
};

void commit(store& rows, const std::vector<batch>& batches, bool synced = false) {
  const auto failed = rows.commit(batches, synced);
  EXPECT_FALSE(failed) << failed->what;
}

TEST_F(RocksStore, HoldsItsRowsWhenOpenedAgain) {
  {
    const auto first = open_rows(path);
    EXPECT_EQ(first.damage, std::nullopt);
    commit(*first.rows, {putting({{"a", "1"}, {"b", "1"}})}, true);
    commit(*first.rows, {putting({{"a", "2"}}), erasing({"b"})});
  }
  for (int i = 0; i < 3; ++i) {
    const auto again = open_rows(path);
    EXPECT_EQ(again.damage, std::nullopt);
    EXPECT_EQ(all_rows(*again.rows), (row_map{{"a", "2"}}));
  }
}

TEST_F(RocksStore, WritesNoLogForPeople) {
  open_rows(path);
  EXPECT_FALSE(std::filesystem::exists(path + "/LOG")) << "on a full disk it ends the process";
}

TEST_F(RocksStore, HoldsMoreThanItsWriteBuffers) {
  const rocks_settings small{std::size_t{1} << 20, std::size_t{64} << 10};
  const std::string value(10'000, 'x');
  row_map expected;
  {
    const auto first = open_rows(path, small);
    for (int i = 0; i < 300; ++i) {
      const auto name = std::to_string(i % 100);
      expected[name] = value + std::to_string(i);
      commit(*first.rows, {putting({{name, expected[name]}})});
    }
    EXPECT_EQ(all_rows(*first.rows), expected);
  }
  const auto again = open_rows(path, small);
  EXPECT_EQ(again.damage, std::nullopt);
  EXPECT_EQ(all_rows(*again.rows), expected);
}

// Whatever is flushed, put together and dropped on the way: each row says what it says in memory.
TEST_F(RocksStore, PutsTogetherWhatIsAppended) {
  const rocks_settings small{std::size_t{1} << 20, std::size_t{64} << 10};
  const crdt::key fruits{crdt::type::set, "fruits"};
  const auto ann = crdt::replica_id::from(1, 1);
  memory_store expected;
  std::mt19937 random{1};
  std::vector<crdt::event_number> held;
  crdt::event_number next = 1;
  for (int life = 0; life < 4; ++life) {
    const auto found = open_rows(path, small);
    for (int i = 0; i < 300; ++i) {
      batch changes;
      for (int k = 0; k < 20; ++k) {
        wire::writer said;
        auto number = next;
        if (held.size() < 500 || random() % 2 == 0) {
          put_held(said, next, {crdt::payload_kind::text, std::string(random() % 40, 'x')});
          held.push_back(next++);
        } else {
          const auto at = held.begin() + static_cast<std::ptrdiff_t>(random() % held.size());
          number = *at;
          put_over(said, number);
          held.erase(at);
        }
        changes.append(index_name(fruits, {ann, number, true}), said.view());
      }
      commit(*found.rows, {changes});
      EXPECT_FALSE(expected.commit({changes}, false));
    }
    auto all = all_rows(*found.rows);
    const auto rows = all.size();
    std::erase_if(all, [](const auto& row) { return row.second.empty(); });
    EXPECT_EQ(all, all_rows(expected));
    EXPECT_GT(found.rows->parts().size(), 0u) << "nothing was flushed";
    if (life == 3) {
      EXPECT_LT(rows, next / block_events) << "what is over stays for ever";
    }
  }
}

TEST_F(RocksStore, IsOpenOnce) {
  const auto first = open_rows(path);

  EXPECT_THAT(refused_rows(path).what, HasSubstr("the rows in " + path + " are open already"));
  commit(*first.rows, {putting({{"a", "1"}})});
}

TEST_F(RocksStore, IsCopiedWithAllThatWasCommitted) {
  const auto original = open_rows(path);
  commit(*original.rows, {putting({{"a", "1"}})}, true);
  commit(*original.rows, {putting({{"b", "1"}})});

  const auto failed = original.rows->copy_to(folder / "copy");
  commit(*original.rows, {putting({{"c", "1"}})});

  ASSERT_FALSE(failed) << failed->what;
  const auto copy = open_rows(folder / "copy");
  EXPECT_EQ(copy.damage, std::nullopt);
  EXPECT_EQ(all_rows(*copy.rows), (row_map{{"a", "1"}, {"b", "1"}}));
  commit(*copy.rows, {putting({{"a", "2"}})});
  EXPECT_EQ(value_of(*original.rows->now(), "a"), "1");
}

TEST_F(RocksStore, IsNotCopiedOverAFolder) {
  const auto original = open_rows(path);
  std::filesystem::create_directory(folder / "copy");

  const auto failed = original.rows->copy_to(folder / "copy");

  ASSERT_TRUE(failed);
  EXPECT_THAT(failed->what,
              HasSubstr("cannot copy the rows in " + path + " to " + folder / "copy"));
  EXPECT_TRUE(std::filesystem::is_empty(folder / "copy"));
  commit(*original.rows, {putting({{"a", "1"}})});
}

TEST_F(RocksStore, IsNotMadeBelowAFolderThatIsMissing) {
  EXPECT_THAT(refused_rows(folder / "no/rows").what,
              HasSubstr("cannot open the rows in " + folder / "no/rows"));
  EXPECT_FALSE(std::filesystem::exists(folder / "no"));
}

TEST_F(RocksStore, IsNotMadeAnewOverRowsThatLostTheirHead) {
  { commit(*open_rows(path).rows, {putting({{"a", "1"}})}); }
  std::filesystem::remove(path + "/CURRENT");

  const auto failed = refused_rows(path);

  EXPECT_EQ(failed.kind, trouble::missing) << "there is nothing to salvage: it may come back";
  EXPECT_THAT(failed.what, HasSubstr("CURRENT is missing"));
}

} // namespace
} // namespace starling::storage
