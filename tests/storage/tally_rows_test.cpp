#include "storage/memory_store.hpp"
#include "storage/tally_rows.hpp"

#include <gmock/gmock.h>

namespace starling::storage {
namespace {

using replication::tally;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const auto ann = crdt::replica_id::from(1, 1);
const auto bob = crdt::replica_id::from(2, 2);

class TallyRows : public ::testing::Test {
protected:
  void commit(const batch& changed) { ASSERT_FALSE(rows.commit({changed}, true)); }

  std::uint64_t own() const { return std::get<std::uint64_t>(read_own_changes(*rows.now())); }
  std::vector<tally> told() const {
    return std::get<std::vector<tally>>(read_tallies(*rows.now()));
  }

  memory_store rows;
};

TEST_F(TallyRows, AreThoseThatWerePutLast) {
  EXPECT_EQ(own(), 0u);
  EXPECT_THAT(told(), IsEmpty());
  batch first;
  put_own_changes(first, 7);
  put_tally(first, {bob, 3});
  put_tally(first, {ann, 300});
  commit(first);
  EXPECT_EQ(own(), 7u);
  EXPECT_THAT(told(), ElementsAre(tally{ann, 300}, tally{bob, 3}));

  batch second;
  put_own_changes(second, 8);
  put_tally(second, {bob, 4});
  erase_tally(second, ann);
  commit(second);
  EXPECT_EQ(own(), 8u);
  EXPECT_THAT(told(), ElementsAre(tally{bob, 4}));
}

TEST_F(TallyRows, ThatMakeNoSenseAreAFailure) {
  for (const auto* bad : {"", "x\x01", "\x80"}) {
    batch one;
    one.put(node_row("changes"), bad);
    commit(one);
    EXPECT_TRUE(std::holds_alternative<failure>(read_own_changes(*rows.now()))) << bad;
  }
  batch another;
  another.put(node_row("tally short"), "\x01");
  commit(another);
  EXPECT_TRUE(std::holds_alternative<failure>(read_tallies(*rows.now())));
}

} // namespace
} // namespace starling::storage
