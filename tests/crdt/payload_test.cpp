#include "crdt/payload.hpp"
#include "tests/crdt/names.hpp"

#include <gtest/gtest.h>

namespace starling::crdt {
namespace {

std::string encoded(const payload& x) {
  wire::writer out;
  encode(out, x);
  return std::move(out).take();
}

TEST(Payload, SurvivesEncodeAndDecode) {
  for (const auto kind : {payload_kind::json, payload_kind::text, payload_kind::bytes})
    for (const auto& data : {std::string{}, std::string{"\0\xc3\xbc", 3}, std::string(200, 'x')}) {
      const auto bytes = encoded({kind, data});
      wire::reader in{bytes};
      EXPECT_EQ(decode_payload(in), (payload{kind, data}));
      in.expect_end();
      EXPECT_TRUE(in.ok());
    }
}

TEST(Payload, RefusesTextThatIsNotUtf8) {
  for (const auto kind : {payload_kind::json, payload_kind::text, payload_kind::bytes}) {
    const auto bytes = encoded({kind, "fr\xfc"});
    wire::reader in{bytes};
    decode_payload(in);
    EXPECT_EQ(in.ok(), kind != payload_kind::text);
    if (kind == payload_kind::text) {
      EXPECT_EQ(in.error().what, "text that is not UTF-8");
    }
  }
}

TEST(Payload, RefusesUnknownKinds) {
  for (const auto kind : {0, 4, 255}) {
    auto bytes = encoded(text("x"));
    bytes[0] = static_cast<char>(kind);
    wire::reader in{bytes};
    decode_payload(in);
    EXPECT_EQ(in.error().what, "unknown kind of payload") << kind;
  }
}

TEST(Payload, RefusesEveryTruncation) {
  const auto bytes = encoded(text("apple"));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    wire::reader in{std::string_view{bytes}.substr(0, size)};
    decode_payload(in);
    EXPECT_FALSE(in.ok()) << size << " bytes";
  }
}

TEST(Payload, IsOrderedByKindAndThenByUnsignedBytes) {
  EXPECT_LT((payload{payload_kind::json, "z"}), text("a"));
  EXPECT_LT(text("a"), text("aa"));
  EXPECT_LT(text("z"), text("é"));
}

} // namespace
} // namespace starling::crdt
