#include "sim/cluster/cluster.hpp"

#include <gtest/gtest.h>

namespace starling::simulation {
namespace {

std::uint64_t trace_of(const run_options& options) {
  cluster c{options};
  c.run();
  EXPECT_FALSE(c.log().first()) << options.seed << ": " << c.log().first()->what;
  return c.log().hash();
}

TEST(Cluster, OfOneSeedIsAlwaysTheSame) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed)
    EXPECT_EQ(trace_of({.seed = seed}), trace_of({.seed = seed})) << "seed " << seed;
  EXPECT_NE(trace_of({.seed = 1}), trace_of({.seed = 2}));
}

TEST(Cluster, IsTheSameWhetherOrNotSomebodyListens) {
  EXPECT_EQ(trace_of({.seed = 3}),
            trace_of({.seed = 3, .telling = chronicle::telling::last_lines}));
}

TEST(Cluster, WithoutFaultsPutsWritesToTheTest) {
  cluster c{{.seed = 4, .without = fault_mask{}.set()}};

  c.run();

  EXPECT_TRUE(c.faults().empty());
  EXPECT_FALSE(c.log().first());
  for (const auto* invariant : {"R1", "R2", "R3", "R4", "R5", "R6", "R7"})
    EXPECT_GT(c.log().weighed().count(invariant), 0u) << invariant;
}

} // namespace
} // namespace starling::simulation
