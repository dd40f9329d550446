#include "http/api/context_token.hpp"
#include "wire/base64.hpp"

#include <gtest/gtest.h>

namespace starling::http {
namespace {

using crdt::payload_kind;

const wire::secret secret{"test", "s3cret"};
const crdt::key key{crdt::type::set, "fruits"};
const crdt::payload apple{payload_kind::text, "apple"};
const crdt::version_vector observed{{crdt::replica_id::from(1, 2), 3},
                                    {crdt::replica_id::from(4, 5), crdt::event_number_max}};

/// A token with a good tag around any content.
std::string sealed(std::string content) {
  wire::writer covered;
  crdt::encode(covered, key);
  crdt::encode(covered, apple);
  covered.raw(content);
  const auto tag = secret.sign("context", std::move(covered).take());
  return wire::to_base64(content.append(tag.data(), tag.size()));
}

TEST(ContextToken, RoundTrips) {
  for (const auto& vector : {observed, crdt::version_vector{}})
    EXPECT_EQ(decode_context(secret, key, apple, encode_context(secret, key, apple, vector)),
              vector);
}

TEST(ContextToken, ManyAreWrittenAsOneByOne) {
  context_writer writer{secret, key};
  for (const auto* name : {"apple", "", "a much longer one than the first", "pear", "apple"})
    for (const auto& vector : {observed, crdt::version_vector{}}) {
      const crdt::payload member{payload_kind::text, name};
      const auto token = writer.token(member, vector);
      EXPECT_EQ(token, encode_context(secret, key, member, vector));
      EXPECT_EQ(decode_context(secret, key, member, token), vector);
    }
}

TEST(ContextToken, NeedsNoEscapeInJson) {
  const auto token = encode_context(secret, key, apple, observed);
  EXPECT_EQ(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                    "0123456789+/="),
            std::string::npos);
}

TEST(ContextToken, OpensForItsKeyTypeMemberAndSecretOnly) {
  const auto token = encode_context(secret, key, apple, observed);

  EXPECT_FALSE(decode_context(secret, {crdt::type::set, "fruit"}, apple, token));
  EXPECT_FALSE(decode_context(secret, {crdt::type::register_, "fruits"}, apple, token));
  EXPECT_FALSE(decode_context(secret, key, {payload_kind::text, "pear"}, token));
  EXPECT_FALSE(decode_context(secret, key, {payload_kind::bytes, "apple"}, token));
  EXPECT_FALSE(decode_context({"test", "other"}, key, apple, token));
  EXPECT_FALSE(decode_context({"other", "s3cret"}, key, apple, token));
  EXPECT_FALSE(decode_context({"test", ""}, key, apple, token));
}

TEST(ContextToken, DoesNotConfuseTheBorderBetweenKeyAndMember) {
  const auto token = encode_context(secret, {crdt::type::set, "ab"}, {payload_kind::text, "c"}, {});
  EXPECT_FALSE(decode_context(secret, {crdt::type::set, "a"}, {payload_kind::text, "bc"}, token));
}

TEST(ContextToken, IsRefusedWithAnyBitFlipped) {
  for (const wire::secret& with : {secret, wire::secret{"test", ""}}) {
    const auto token = encode_context(with, key, apple, observed);
    auto bytes = *wire::from_base64(token);
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      auto flipped = bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      EXPECT_FALSE(decode_context(with, key, apple, wire::to_base64(flipped))) << "bit " << bit;
    }
    for (std::size_t bit = 0; bit < token.size() * 8; ++bit) {
      auto flipped = token;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      EXPECT_FALSE(decode_context(with, key, apple, flipped)) << "bit " << bit << " of the text";
    }
  }
}

TEST(ContextToken, IsRefusedWhenCutOrContinued) {
  const auto token = encode_context(secret, key, apple, observed);
  for (std::size_t size = 0; size < token.size(); ++size)
    EXPECT_FALSE(decode_context(secret, key, apple, token.substr(0, size))) << size << " bytes";
  for (const auto* more : {"=", "AAAA", "\n", " "})
    EXPECT_FALSE(decode_context(secret, key, apple, token + more));
}

TEST(ContextToken, WithAGoodTagIsStillChecked) {
  wire::writer good;
  good.u8(1);
  crdt::encode(good, observed);
  const auto content = std::move(good).take();

  EXPECT_EQ(decode_context(secret, key, apple, sealed(content)), observed);
  EXPECT_FALSE(decode_context(secret, key, apple, sealed("")));
  EXPECT_FALSE(decode_context(secret, key, apple, sealed("\x02" + content.substr(1))));
  EXPECT_FALSE(decode_context(secret, key, apple, sealed(content + '\0')));
  EXPECT_FALSE(decode_context(secret, key, apple, sealed(content.substr(0, content.size() - 1))));
}

TEST(ContextToken, IsRefusedBeyondItsLimit) {
  const auto of_size = [](std::uint64_t replicas) {
    crdt::version_vector large;
    for (std::uint64_t i = 0; i < replicas; ++i)
      large[crdt::replica_id::from(0, i)] = 1;
    return encode_context(secret, key, apple, large);
  };

  EXPECT_TRUE(decode_context(secret, key, apple, of_size(2500)));
  EXPECT_FALSE(decode_context(secret, key, apple, of_size(5000)));
}

} // namespace
} // namespace starling::http
