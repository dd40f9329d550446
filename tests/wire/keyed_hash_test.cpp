#include "wire/keyed_hash.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace starling::wire {
namespace {

/// 00 01 02 ... 0f, the key of the reference's vectors.
tag reference_key() {
  tag key;
  std::iota(key.begin(), key.end(), '\0');
  return key;
}

std::string hex(const tag& t) {
  return to_hex({t.data(), t.size()});
}

TEST(KeyedHash, IsSipHashOf128Bits) {
  const keyed_hash hash{reference_key()};
  EXPECT_EQ(hex(hash("")), "a3817f04ba25a8e66df67214c7550293");
  EXPECT_EQ(hex(hash(std::string_view{"\0", 1})), "da87c1d86b99af44347659119b22fc45");
}

TEST(KeyedHash, DependsOnTheKey) {
  auto other = reference_key();
  other[0] = 1;
  EXPECT_NE(keyed_hash{reference_key()}("x"), keyed_hash{other}("x"));
}

TEST(KeyedHash, GivesTheSameAgainAndInACopy) {
  const keyed_hash hash{reference_key()};
  const auto first = hash("x");
  const auto copy = hash;
  EXPECT_EQ(hash("x"), first);
  EXPECT_EQ(copy("x"), first);
}

} // namespace
} // namespace starling::wire
