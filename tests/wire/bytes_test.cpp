#include "wire/bytes.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace starling::wire {
namespace {

constexpr auto largest = std::numeric_limits<std::uint64_t>::max();
constexpr auto largest128 = ~uint128{0};

std::string varint(std::uint64_t x) {
  writer out;
  out.varint(x);
  return std::move(out).take();
}

std::string varint128(uint128 x) {
  writer out;
  out.varint128(x);
  return std::move(out).take();
}

std::string_view error_of_varint(std::string_view input) {
  reader in{input};
  EXPECT_EQ(in.varint(), 0u);
  return in.ok() ? "none" : in.error().what;
}

std::string_view error_of_varint128(std::string_view input) {
  reader in{input};
  EXPECT_TRUE(in.varint128() == 0);
  return in.ok() ? "none" : in.error().what;
}

using namespace std::string_literals;

TEST(Bytes, WriteIntegersLittleEndianInTheirShortestForm) {
  EXPECT_EQ(varint(0), "\0"s);
  EXPECT_EQ(varint(127), "\x7f");
  EXPECT_EQ(varint(128), "\x80\x01");
  EXPECT_EQ(varint(300), "\xac\x02");
  EXPECT_EQ(varint(largest), std::string(9, '\xff') + "\x01");
  EXPECT_EQ(varint128(largest128), std::string(18, '\xff') + "\x03");
}

TEST(Bytes, ReadBackEveryInteger) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random{seed};
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t x = random() >> (i % 64);
    const auto text = varint(x);
    reader in{text};
    ASSERT_EQ(in.varint(), x);
    in.expect_end();
    ASSERT_TRUE(in.ok());

    const uint128 wide = (uint128{random()} << 64 | random()) >> (i % 128);
    const auto wide_text = varint128(wide);
    reader wide_in{wide_text};
    ASSERT_TRUE(wide_in.varint128() == wide);
    wide_in.expect_end();
    ASSERT_TRUE(wide_in.ok());
  }
}

TEST(Bytes, RefuseIntegersThatAreNotInTheirShortestForm) {
  EXPECT_EQ(error_of_varint("\x80\x00"s), "integer is not in its shortest form");
  EXPECT_EQ(error_of_varint("\xff\x80\x00"s), "integer is not in its shortest form");
  EXPECT_EQ(error_of_varint128("\x81\x00"s), "integer is not in its shortest form");
}

TEST(Bytes, RefuseIntegersWithMoreBitsThanTheType) {
  EXPECT_EQ(error_of_varint(std::string(9, '\xff') + "\x02"), "integer is too large");
  EXPECT_EQ(error_of_varint(std::string(9, '\x80') + "\x02"), "integer is too large");
  EXPECT_EQ(error_of_varint(std::string(10, '\x80') + "\x01"), "integer is too large");
  EXPECT_EQ(error_of_varint(std::string(30, '\xff')), "integer is too large");
  EXPECT_EQ(error_of_varint128(std::string(18, '\xff') + "\x04"), "integer is too large");
  EXPECT_EQ(error_of_varint128(std::string(19, '\x80') + "\x01"), "integer is too large");
}

TEST(Bytes, RefuseIntegersThatEndTooEarly) {
  EXPECT_EQ(error_of_varint(""), "input ends too early");
  EXPECT_EQ(error_of_varint("\x80"), "input ends too early");
  EXPECT_EQ(error_of_varint128(std::string(18, '\xff')), "input ends too early");
}

TEST(Bytes, ReadBackByteStrings) {
  writer out;
  out.bytes("");
  out.bytes("a\0b"s);
  out.raw("tail");
  EXPECT_EQ(out.size(), 9u);
  const auto text = std::move(out).take();

  reader in{text};
  EXPECT_EQ(in.bytes(), "");
  EXPECT_EQ(in.bytes(3), "a\0b"s);
  EXPECT_EQ(in.remaining(), 4u);
  EXPECT_EQ(in.raw(4), "tail");
  in.expect_end();
  EXPECT_TRUE(in.ok());
}

TEST(Bytes, RefuseByteStringsBeyondTheLimitOrTheInput) {
  const auto text = varint(3) + "abc";
  reader limited{text};
  EXPECT_EQ(limited.bytes(2), "");
  EXPECT_EQ(limited.error().what, "byte string is too long");

  const auto huge = varint(largest) + "abc";
  reader announced{huge};
  EXPECT_EQ(announced.bytes(), "");
  EXPECT_EQ(announced.error().what, "input ends too early");

  reader cut{"\x03"
             "ab"};
  EXPECT_EQ(cut.bytes(), "");
  EXPECT_FALSE(cut.ok());
}

TEST(Bytes, RefuseCountsThatTheInputCannotHold) {
  const auto fits = varint(2) + "abcdef";
  reader in{fits};
  EXPECT_EQ(in.count(3), 2u);
  EXPECT_TRUE(in.ok());

  reader tight{fits};
  EXPECT_EQ(tight.count(4), 0u);
  EXPECT_EQ(tight.error().what, "more items announced than the input can hold");

  const auto huge = varint(largest);
  reader endless{huge};
  EXPECT_EQ(endless.count(1), 0u);
  EXPECT_FALSE(endless.ok());
}

TEST(Bytes, KeepTheFirstFailureAndReadNothingAfterIt) {
  reader in{"abc"};
  in.fail("first");
  in.fail("second");
  EXPECT_EQ(in.u8(), 0);
  EXPECT_EQ(in.raw(1), "");
  EXPECT_EQ(in.varint(), 0u);
  EXPECT_TRUE(in.varint128() == 0);
  EXPECT_EQ(in.bytes(), "");
  EXPECT_EQ(in.count(1), 0u);
  in.expect_end();
  EXPECT_EQ(in.error(), decode_error{"first"});
}

TEST(Bytes, LeftOverAreAFailure) {
  reader in{"ab"};
  EXPECT_EQ(in.u8(), 'a');
  in.expect_end();
  EXPECT_EQ(in.error().what, "bytes left over after the value");
}

} // namespace
} // namespace starling::wire
