#include "replication/tallies.hpp"

#include <gmock/gmock.h>

namespace starling::replication {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

crdt::replica_id id(std::uint64_t number) {
  return crdt::replica_id::from(0, number);
}

TEST(Tallies, OnlyGrow) {
  tallies t;
  EXPECT_EQ(t.of(id(1)), 0u);
  EXPECT_FALSE(t.raise({id(1), 0})) << "that is what is known of everybody";
  EXPECT_TRUE(t.raise({id(1), 5}));
  EXPECT_FALSE(t.raise({id(1), 5}));
  EXPECT_FALSE(t.raise({id(1), 4}));
  EXPECT_EQ(t.of(id(1)), 5u);
  EXPECT_TRUE(t.raise({id(1), 6}));
  EXPECT_EQ(t.of(id(1)), 6u);
}

TEST(Tallies, AreToldFromAVersionOnEachOnce) {
  tallies t;
  t.raise({id(1), 1});
  t.raise({id(2), 1});
  const auto before = t.version();
  EXPECT_THAT(t.since(before), IsEmpty());
  t.raise({id(1), 2});
  t.raise({id(3), 1});
  t.raise({id(1), 3});
  EXPECT_THAT(t.since(before), ElementsAre(tally{id(3), 1}, tally{id(1), 3}));
  EXPECT_THAT(t.since(0), ElementsAre(tally{id(2), 1}, tally{id(3), 1}, tally{id(1), 3}));
}

TEST(Tallies, ForgetThoseThatWereRaisedLeastRecently) {
  tallies t;
  for (std::uint64_t i = 1; i <= tallies::most; ++i)
    t.raise({id(i), 1});
  t.raise({id(1), 2});
  EXPECT_THAT(t.take_forgotten(), IsEmpty());
  t.raise({id(tallies::most + 1), 1});
  EXPECT_EQ(t.of(id(1)), 2u);
  EXPECT_EQ(t.of(id(2)), 0u);
  EXPECT_EQ(t.since(0).size(), tallies::most);
  EXPECT_THAT(t.take_forgotten(), ElementsAre(id(2)));
  EXPECT_THAT(t.take_forgotten(), IsEmpty());
}

} // namespace
} // namespace starling::replication
