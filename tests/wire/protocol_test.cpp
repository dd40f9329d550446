#include "wire/protocol.hpp"

#include <gtest/gtest.h>

namespace starling::wire {
namespace {

TEST(Protocol, TwoSpeakTheVersionsThatBothHave) {
  EXPECT_EQ(common({5, 5}, {5, 5}), (protocol_range{5, 5}));
  EXPECT_EQ(common({5, 7}, {6, 9}), (protocol_range{6, 7}));
  EXPECT_EQ(common({6, 9}, {5, 7}), (protocol_range{6, 7}));
  EXPECT_EQ(common({5, 9}, {6, 7}), (protocol_range{6, 7}));
  EXPECT_EQ(common({5, 6}, {6, 9}), (protocol_range{6, 6}));
  EXPECT_EQ(common({5, 6}, {7, 9}), std::nullopt);
  EXPECT_EQ(common({7, 9}, {5, 6}), std::nullopt);
}

TEST(Protocol, ARangeContainsItsEnds) {
  const protocol_range range{5, 7};
  for (int version = 0; version < 256; ++version)
    EXPECT_EQ(range.contains(static_cast<std::uint8_t>(version)), version >= 5 && version <= 7);
}

TEST(Protocol, ARangeIsShownToPeople) {
  EXPECT_EQ(to_string(protocol_range{5, 5}), "5");
  EXPECT_EQ(to_string(protocol_range{5, 7}), "5 to 7");
}

TEST(Protocol, ARangeHasAVersion) {
  const auto is_read = [](const protocol_range& r) {
    writer out;
    encode(out, r);
    reader in{out.view()};
    return decode_protocol_range(in) == r && in.ok();
  };
  EXPECT_TRUE(is_read(spoken));
  EXPECT_TRUE(is_read({1, 255}));
  EXPECT_FALSE(is_read({0, 5}));
  EXPECT_FALSE(is_read({6, 5}));
}

} // namespace
} // namespace starling::wire
