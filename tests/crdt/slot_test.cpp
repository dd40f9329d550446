#include "crdt/slot.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <set>
#include <string>

namespace starling::crdt {
namespace {

TEST(Slot, IsThatOfRedisCluster) {
  EXPECT_EQ(slot_of("123456789"), 0x31c3); // the check value of CRC16 XMODEM, below 16384
  // As CLUSTER KEYSLOT answers.
  EXPECT_EQ(slot_of("foo"), 12182);
  EXPECT_EQ(slot_of("bar"), 5061);
  EXPECT_EQ(slot_of("hello"), 866);
  EXPECT_EQ(slot_of("somekey"), 11058);
  EXPECT_EQ(slot_of(""), 0);
  EXPECT_EQ(slot_of(std::string_view{"\0", 1}), 0);
}

TEST(Slot, IsTheSumBitByBitOfNamesOfAllLengths) {
  const auto bit_by_bit = [](const std::string& name) {
    std::uint16_t sum = 0;
    for (const auto c : name) {
      sum = static_cast<std::uint16_t>(sum ^ static_cast<unsigned char>(c) << 8);
      for (int bit = 0; bit < 8; ++bit)
        sum = static_cast<std::uint16_t>(sum << 1 ^ ((sum & 0x8000) != 0 ? 0x1021 : 0));
    }
    return sum % 16384;
  };
  std::minstd_rand random{1};
  for (std::size_t length = 0; length < 300; ++length) {
    std::string name(length, ' ');
    for (auto& c : name)
      c = static_cast<char>(random() % 123); // no brace
    EXPECT_EQ(slot_of(name), bit_by_bit(name)) << length;
  }
}

TEST(Slot, CountsOnlyTheTagIfThereIsOne) {
  EXPECT_EQ(slot_of("foo{hash_tag}"), 2515);
  EXPECT_EQ(slot_of("{user1000}.following"), slot_of("{user1000}.followers"));
  EXPECT_EQ(slot_of("{user1000}.following"), slot_of("user1000"));
  EXPECT_EQ(slot_of("foo{{bar}}zap"), slot_of("{bar"));
  EXPECT_EQ(slot_of("foo{bar}{zap}"), slot_of("bar"));
  EXPECT_EQ(slot_of("}x{bar}"), slot_of("bar"));
}

TEST(Slot, CountsTheWholeNameWithoutATag) {
  // An empty tag, and one that does not end, are none.
  for (const std::string name : {"foo{}{bar}", "{}", "foo{bar", "foo}bar{", "{", "}", "x{}"}) {
    const auto other = name + "!";
    EXPECT_NE(slot_of(name), slot_of(other)) << name;
  }
  EXPECT_NE(slot_of("foo{}{bar}"), slot_of("bar"));
  EXPECT_NE(slot_of("foo{bar"), slot_of("bar"));
}

TEST(Slot, HoldsAboutAsManyNamesAsAnyOther) {
  std::set<std::uint16_t> seen;
  for (int i = 0; i < 16 * slots; ++i) {
    const auto slot = slot_of("key " + std::to_string(i));
    ASSERT_LT(slot, slots);
    seen.insert(slot);
  }
  EXPECT_EQ(seen.size(), slots);
}

TEST(Partition, IsFourSlots) {
  EXPECT_EQ(partitions, 4096);
  EXPECT_EQ(partition_of(0), partition{0});
  EXPECT_EQ(partition_of(3), partition{0});
  EXPECT_EQ(partition_of(4), partition{1});
  EXPECT_EQ(partition_of(slots - 1), partition{partitions - 1});
}

} // namespace
} // namespace starling::crdt
