#include "storage/disk/checksum.hpp"

#include <gtest/gtest.h>

namespace starling::storage {
namespace {

// Both by the published check values of their polynomials.

TEST(Checksum, IsCrc32) {
  EXPECT_EQ(checksum_of("123456789"), 0xCBF43926U);
  EXPECT_EQ(checksum_of(""), 0U);
}

TEST(Checksum, IsTheSameInParts) {
  checksum parts;
  parts.add("1234");
  parts.add("");
  parts.add("56789");
  EXPECT_EQ(parts.value(), 0xCBF43926U);
}

TEST(Checksum, OfRocksDBsLogsIsCrc32c) {
  EXPECT_EQ(crc32c_of("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c_of(""), 0U);
}

} // namespace
} // namespace starling::storage
