#include "wire/utf8.hpp"

#include <gtest/gtest.h>

#include <string>

namespace starling::wire {
namespace {

/// A number written as UTF-8 would be, if it is a character or not.
std::string written(char32_t c) {
  const auto tail = [c](int shift) { return static_cast<char>(0x80 | ((c >> shift) & 0x3f)); };
  const auto head = [c](int mark, int shift) { return static_cast<char>(mark | (c >> shift)); };
  if (c < 0x80)
    return {static_cast<char>(c)};
  if (c < 0x800)
    return {head(0xc0, 6), tail(0)};
  if (c < 0x10000)
    return {head(0xe0, 12), tail(6), tail(0)};
  return {head(0xf0, 18), tail(12), tail(6), tail(0)};
}

TEST(IsUtf8, HoldsForEveryCharacterAndNoSurrogate) {
  for (char32_t c = 0; c < 0x140000; ++c) {
    const bool is_character = c < 0xd800 || (c > 0xdfff && c <= 0x10ffff);
    ASSERT_EQ(is_utf8("a" + written(c) + "b"), is_character) << static_cast<unsigned>(c);
  }
}

TEST(IsUtf8, RefusesWhatIsNoCharacter) {
  for (const auto* text :
       {"\x80", "\xbf", "\xc3", "\xc3(", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xe0\x9f\xbf",
        "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\xaf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xff", "a\xe2\x82", "\xe2\x82("})
    EXPECT_FALSE(is_utf8(text)) << testing::PrintToString(text);
}

TEST(IsUtf8, HoldsForAnyMixture) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8(std::string_view{"\0", 1}));
  EXPECT_TRUE(is_utf8("a\"b\\c\n gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"));
}

} // namespace
} // namespace starling::wire
