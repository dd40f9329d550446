#include "membership/abilities.hpp"

#include <gtest/gtest.h>

namespace starling::membership {
namespace {

using namespace std::string_literals;

abilities sample() {
  return {.speaks = {5, 6}, .values = {{1, 1}, {3, 2}}, .others = {{7, "what"}, {90, ""}}};
}

std::string encoded(const abilities& a) {
  wire::writer out;
  encode(out, a);
  return std::move(out).take();
}

/// What these bytes say; nothing if they are refused.
std::optional<abilities> decoded(std::string_view bytes) {
  wire::reader in{bytes};
  auto result = decode_abilities(in);
  in.expect_end();
  return in.ok() ? std::optional{std::move(result)} : std::nullopt;
}

TEST(Abilities, HaveTheseBytes) {
  EXPECT_EQ(encoded(sample()), "\1\2\5\6"
                               "\2\4\1\1\3\2"
                               "\7\4what"
                               "\x5a\0"
                               "\0"s);
  EXPECT_EQ(encoded({}), "\1\2\5\5\0"s);
}

TEST(Abilities, SurviveWithWhatOnlyALaterVersionKnows) {
  EXPECT_EQ(decoded(encoded(sample())), sample());
  EXPECT_EQ(decoded(encoded({})), abilities{});
  EXPECT_TRUE(is_valid(sample()));
}

TEST(Abilities, AreRefusedIfTruncatedOrNotAsTheyAreWritten) {
  const auto good = encoded(sample());
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(decoded(good.substr(0, size))) << size;
  EXPECT_FALSE(decoded("\0"s)) << "without versions";
  EXPECT_FALSE(decoded("\1\2\6\5\0"s)) << "no range";
  EXPECT_FALSE(decoded("\1\3\5\5\5\0"s)) << "a field that has grown";
  EXPECT_FALSE(decoded("\1\2\5\5\2\4\3\1\1\1\0"s)) << "types out of order";
  EXPECT_FALSE(decoded("\1\2\5\5\2\3\3\1\1\0"s)) << "a type without a format";
  EXPECT_FALSE(decoded("\1\2\5\5\2\0\0"s)) << "one way only to say that there are none";
}

TEST(Abilities, AreBounded) {
  auto most = sample();
  most.others = {{7, std::string(abilities_bytes_max - encoded(sample()).size() + 5, 'x')}};
  while (encoded(most).size() > abilities_bytes_max)
    most.others[0].bytes.pop_back();
  EXPECT_TRUE(is_valid(most));
  EXPECT_EQ(decoded(encoded(most)), most);
  most.others[0].bytes += "x";
  EXPECT_FALSE(is_valid(most));
  EXPECT_FALSE(decoded(encoded(most)));
}

TEST(Abilities, AreInvalidIfNoDecoderAcceptsThem) {
  const auto with = [](auto change) {
    auto a = sample();
    change(a);
    return is_valid(a);
  };
  EXPECT_FALSE(with([](auto& a) { a.speaks = {6, 5}; }));
  EXPECT_FALSE(with([](auto& a) { a.values = {{3, 1}, {1, 1}}; }));
  EXPECT_FALSE(with([](auto& a) { a.others = {{2, "x"}}; })) << "which is known here";
  EXPECT_FALSE(with([](auto& a) { a.others = {{9, ""}, {8, ""}}; }));
}

TEST(Abilities, ReadAFormatAndTheEarlierOnes) {
  EXPECT_TRUE(can_read(sample(), 1, 1));
  EXPECT_FALSE(can_read(sample(), 1, 2));
  EXPECT_TRUE(can_read(sample(), 3, 1));
  EXPECT_TRUE(can_read(sample(), 3, 2));
  EXPECT_FALSE(can_read(sample(), 2, 1));
  EXPECT_FALSE(can_read(sample(), 4, 1));
}

TEST(Abilities, OfTwoAreWhatBothCan) {
  const abilities other{.speaks = {6, 9}, .values = {{1, 4}, {2, 1}, {3, 1}}};
  const abilities both{.speaks = {6, 6}, .values = {{1, 1}, {3, 1}}};
  EXPECT_EQ(meet(sample(), other), both);
  EXPECT_EQ(meet(other, sample()), both);
  EXPECT_EQ(meet(both, both), both);
}

} // namespace
} // namespace starling::membership
