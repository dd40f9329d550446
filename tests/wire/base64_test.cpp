#include "wire/base64.hpp"

#include <gtest/gtest.h>

namespace starling::wire {
namespace {

TEST(Base64, MatchesTheVectorsOfTheRfc) {
  const std::pair<std::string, std::string> vectors[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(to_base64(bytes), text);
    EXPECT_EQ(from_base64(text), bytes);
  }
}

TEST(Base64, RoundTripsEveryByte) {
  std::string bytes;
  for (int i = 0; i < 256; ++i)
    bytes.push_back(static_cast<char>(i));

  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const auto part = bytes.substr(bytes.size() - size);
    EXPECT_EQ(from_base64(to_base64(part)), part) << size << " bytes";
  }
}

TEST(Base64, RefusesWhatIsNotItsOwnText) {
  for (const auto* text :
       {"Z",    "Zg",       "Zg=",  "=",      "==",       "===",       "====",
        "=Zg=", "Zg==Zg==", "Z===", "Zm9v\n", " Zm9",     "Zm9v    ",  "Zm 9vYmF",
        "Zm9_", "Zm9-",     "Zh==", "Zm9=",   "Zm9v====", "\xc3\xa4Zm"})
    EXPECT_FALSE(from_base64(text)) << text;
  EXPECT_FALSE(from_base64(std::string_view("Zm9\0", 4)));
}

} // namespace
} // namespace starling::wire
