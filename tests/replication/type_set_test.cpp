#include "replication/type_set.hpp"

#include <gtest/gtest.h>

namespace starling::replication {
namespace {

using namespace std::string_literals;

TEST(TypeSet, KnownAreThoseOfThisVersion) {
  const auto known = type_set::known();
  for (int number = 0; number < 256; ++number)
    EXPECT_EQ(known.contains(static_cast<crdt::type>(number)),
              crdt::is_known(static_cast<crdt::type>(number)));
}

TEST(TypeSet, SurvivesWithTypesThatNobodyKnows) {
  auto types = type_set::known();
  types.insert(static_cast<crdt::type>(255));
  types.erase(crdt::type::set);
  const auto bytes = encode(types);
  EXPECT_EQ(bytes, "\x01\x02\xff"s);
  EXPECT_EQ(decode_type_set(bytes), wire::decoded<type_set>{types});
  EXPECT_EQ(decode_type_set(""), wire::decoded<type_set>{type_set{}});
}

TEST(TypeSet, MayBeWithinAnother) {
  auto fewer = type_set::known();
  fewer.erase(crdt::type::set);
  EXPECT_TRUE(fewer.is_within(type_set::known()));
  EXPECT_FALSE(type_set::known().is_within(fewer));
  EXPECT_TRUE(fewer.is_within(fewer));
}

TEST(TypeSet, HasOneEncodingOnly) {
  EXPECT_TRUE(std::holds_alternative<wire::decode_error>(decode_type_set("\x02\x01")));
  EXPECT_TRUE(std::holds_alternative<wire::decode_error>(decode_type_set("\x02\x02")));
}

} // namespace
} // namespace starling::replication
