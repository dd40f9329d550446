#include "sim/membership/world.hpp"

#include <gtest/gtest.h>

namespace starling::simulation {
namespace {

std::uint64_t trace_of(const run_options& options) {
  world w{options};
  w.run();
  EXPECT_FALSE(w.log().first()) << options.seed << ": " << w.log().first()->what;
  return w.log().hash();
}

TEST(World, OfOneSeedIsAlwaysTheSame) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed)
    EXPECT_EQ(trace_of({.seed = seed}), trace_of({.seed = seed})) << "seed " << seed;
  EXPECT_NE(trace_of({.seed = 1}), trace_of({.seed = 2}));
}

TEST(World, IsTheSameWhetherOrNotSomebodyListens) {
  EXPECT_EQ(trace_of({.seed = 3}),
            trace_of({.seed = 3, .telling = chronicle::telling::last_lines}));
}

TEST(World, WithoutFaultsIsSoonOfOneMind) {
  world w{{.seed = 4, .without = fault_mask{}.set()}};

  w.run();

  EXPECT_TRUE(w.faults().empty());
  EXPECT_FALSE(w.log().first());
}

} // namespace
} // namespace starling::simulation
