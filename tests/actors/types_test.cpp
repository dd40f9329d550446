#include "actors/types.hpp"

#include <gtest/gtest.h>

#include <set>

namespace starling::actors {
namespace {

constexpr std::uint8_t last = static_cast<std::uint8_t>(errc::newer_format);

TEST(ErrorCode, SurvivesTheWayThroughTextAndInteger) {
  std::set<std::string> texts;
  for (std::uint8_t number = 1; number <= last; ++number) {
    errc from_number{};
    ASSERT_TRUE(from_integer(number, from_number));
    EXPECT_EQ(static_cast<std::uint8_t>(from_number), number);

    errc from_text{};
    const auto text = to_string(from_number);
    ASSERT_TRUE(from_string(caf::string_view{text.data(), text.size()}, from_text)) << text;
    EXPECT_EQ(from_text, from_number);
    texts.insert(text);
  }
  EXPECT_EQ(texts.size(), last);
}

TEST(ErrorCode, SaysWhetherTheDiskIsToBlame) {
  for (const auto code :
       {errc::disk_full, errc::disk_failed, errc::unreadable, errc::write_unknown})
    EXPECT_TRUE(is_of_disk(code)) << to_string(code);
  for (const auto code : {errc::no_such_key, errc::unreachable, errc::being_mended})
    EXPECT_FALSE(is_of_disk(code)) << to_string(code);
  EXPECT_FALSE(is_of_disk({}));
}

TEST(ErrorCode, IsNamedInText) {
  EXPECT_EQ(to_string(errc::no_such_key), "no_such_key");
  EXPECT_EQ(to_string(errc::value_too_large), "value_too_large");
  EXPECT_EQ(to_string(errc::unreachable), "unreachable");
}

TEST(ErrorCode, IsNotMadeOfOtherNumbersOrTexts) {
  auto code = errc::exhausted;

  EXPECT_FALSE(from_integer(0, code));
  EXPECT_FALSE(from_integer(last + 1, code));
  EXPECT_FALSE(from_string("", code));
  EXPECT_FALSE(from_string("no_such", code));
  EXPECT_FALSE(from_string("unknown error", code));

  EXPECT_EQ(code, errc::exhausted) << "a refusal changes nothing";
  EXPECT_EQ(to_string(static_cast<errc>(0)), "unknown error");
  EXPECT_EQ(to_string(static_cast<errc>(last + 1)), "unknown error");
}

} // namespace
} // namespace starling::actors
