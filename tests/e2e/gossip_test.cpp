// How soon a write is on the others.

#include "tests/e2e/cluster.hpp"

namespace starling::e2e {
namespace {

TEST(Gossip, BringsAWriteToAllLongBeforeTheInterval) {
  cluster nodes{3, {"--gossip.interval=1h"}};
  ASSERT_TRUE(nodes.start());

  for (std::size_t i = 0; i < nodes.size(); ++i)
    ASSERT_EQ(nodes[i].http().post("/counters/visits", R"({"increment": 1})").status, 200);

  EXPECT_TRUE(nodes.all_come_to_show("/counters/visits", "3"));
}

} // namespace
} // namespace starling::e2e
