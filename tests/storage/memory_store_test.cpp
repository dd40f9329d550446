#include "storage/memory_store.hpp"
#include "tests/storage/rows.hpp"

namespace starling::storage {
namespace {

TEST(MemoryStore, TakesNoCommitAfterItBrokeDown) {
  memory_store rows{{{"a", "1"}}};
  const failure full{trouble::full, "no room"};
  const wire::possible<failure> refused{full};
  rows.break_down(full);

  EXPECT_EQ(rows.commit({putting({{"a", "2"}})}, true), refused);
  EXPECT_EQ(rows.commit({putting({{"a", "2"}})}, false), refused);
  EXPECT_EQ(rows.sync(), refused);
  EXPECT_EQ(all_rows(rows), (row_map{{"a", "1"}}));
}

TEST(MemoryStore, HandsItsRowsToTheNext) {
  memory_store first;
  EXPECT_FALSE(first.commit({putting({{"a", "1"}})}, false));

  const memory_store second{first.contents()};

  EXPECT_EQ(all_rows(second), (row_map{{"a", "1"}}));
}

TEST(MemoryStore, HasNoFolders) {
  EXPECT_TRUE(memory_store{}.copy_to("anywhere"));
}

} // namespace
} // namespace starling::storage
