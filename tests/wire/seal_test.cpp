#include "wire/seal.hpp"

#include <gtest/gtest.h>

namespace starling::wire {
namespace {

std::string hex(const tag& t) {
  return to_hex({t.data(), t.size()});
}

std::string_view view(const tag& t) {
  return {t.data(), t.size()};
}

TEST(Seal, TagsAreHmacSha256CutTo128Bits) {
  EXPECT_EQ(hex(secret("cluster", "key").sign("purpose", "bytes")),
            "d37aedf6985dd0a5f5ec5adcb2002a96");
  EXPECT_EQ(hex(secret("cluster", "").sign("purpose", "bytes")),
            "6e1185f2306680a909f53a6edd530478");
}

TEST(Seal, ASignerSignsEachAsIfItWereTheOnlyOne) {
  for (const auto& s : {secret{"cluster", "key"}, secret{"cluster", ""}}) {
    secret::signer signer{s, "purpose"};
    for (const auto& bytes : {std::string{"bytes"}, std::string{}, std::string(1000, 'x'),
                              std::string{"bytes"}, std::string(64, '\0')})
      EXPECT_EQ(signer.sign(bytes), s.sign("purpose", bytes));
  }
}

TEST(Seal, VerifiesItsOwnTags) {
  const secret s{"cluster", "key"};
  EXPECT_TRUE(s.verify("purpose", "bytes", view(s.sign("purpose", "bytes"))));
  EXPECT_TRUE(s.verify("", "", view(s.sign("", ""))));
}

TEST(Seal, RefusesATagWithAnyBitChanged) {
  const secret s{"cluster", "key"};
  const auto good = s.sign("purpose", "bytes");
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(s.verify("purpose", "bytes", view(bad))) << "bit " << bit;
  }
}

TEST(Seal, RefusesATagOfAnotherLength) {
  const secret s{"cluster", "key"};
  const auto good = s.sign("purpose", "bytes");
  EXPECT_FALSE(s.verify("purpose", "bytes", ""));
  EXPECT_FALSE(s.verify("purpose", "bytes", view(good).substr(0, 15)));
  EXPECT_FALSE(s.verify("purpose", "bytes", std::string{view(good)} + "x"));
}

TEST(Seal, BindsTheTagToPurposeBytesNameAndKey) {
  const secret s{"cluster", "key"};
  const auto good = s.sign("purpose", "bytes");
  EXPECT_FALSE(s.verify("another", "bytes", view(good)));
  EXPECT_FALSE(s.verify("purpose", "other", view(good)));
  EXPECT_FALSE(secret("elsewhere", "key").verify("purpose", "bytes", view(good)));
  EXPECT_FALSE(secret("cluster", "another").verify("purpose", "bytes", view(good)));
}

TEST(Seal, TellsWhereThePurposeEnds) {
  const secret s{"cluster", "key"};
  EXPECT_NE(s.sign("ab", "c"), s.sign("a", "bc"));
  EXPECT_NE(s.sign("ab", ""), s.sign("a", "b"));
}

TEST(Seal, NamesTheClusterAlikeOnNodesThatShareNameAndKey) {
  EXPECT_EQ(secret("cluster", "key").cluster_id(), secret("cluster", "key").cluster_id());
  EXPECT_NE(secret("cluster", "key").cluster_id(), secret("cluster", "other").cluster_id());
  EXPECT_NE(secret("cluster", "key").cluster_id(), secret("other", "key").cluster_id());
}

TEST(Seal, WritesBytesAsLowerCaseHexadecimalDigits) {
  EXPECT_EQ(to_hex(""), "");
  EXPECT_EQ(to_hex({"\x00\x0f\xa5\xff", 4}), "000fa5ff");
}

} // namespace
} // namespace starling::wire
