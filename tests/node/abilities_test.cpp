#include "crdt/value.hpp"
#include "node/abilities.hpp"

#include <gtest/gtest.h>

namespace starling::node {
namespace {

TEST(OwnAbilities, AreWhatThisProgramReads) {
  const auto can = own_abilities();
  EXPECT_TRUE(is_valid(can));
  EXPECT_EQ(can.speaks, wire::spoken);
  for (int number = 0; number < 256; ++number)
    EXPECT_EQ(membership::can_read(can, static_cast<std::uint8_t>(number), 1),
              crdt::is_known(static_cast<crdt::type>(number)))
        << number;
  EXPECT_FALSE(membership::can_read(can, 1, 2));
}

} // namespace
} // namespace starling::node
