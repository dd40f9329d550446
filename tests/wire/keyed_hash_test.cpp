#include "wire/keyed_hash.hpp"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <memory>
#include <numeric>

namespace starling::wire {
namespace {

/// 00 01 02 ... 0f, the key of the reference's vectors.
tag reference_key() {
  tag key;
  std::iota(key.begin(), key.end(), '\0');
  return key;
}

std::string hex(const tag& t) {
  return to_hex({t.data(), t.size()});
}

/// What OpenSSL makes of it.
tag reference(const tag& key, std::string_view bytes) {
  const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> mac{
      EVP_MAC_fetch(nullptr, "SIPHASH", nullptr), EVP_MAC_free};
  const std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> context{
      EVP_MAC_CTX_new(mac.get()), EVP_MAC_CTX_free};
  std::size_t size = std::tuple_size_v<tag>;
  const OSSL_PARAM parameters[]{OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                                OSSL_PARAM_construct_end()};
  EXPECT_EQ(EVP_MAC_init(context.get(), reinterpret_cast<const unsigned char*>(key.data()),
                         key.size(), parameters),
            1);
  EXPECT_EQ(EVP_MAC_update(context.get(), reinterpret_cast<const unsigned char*>(bytes.data()),
                           bytes.size()),
            1);
  tag result{};
  EXPECT_EQ(EVP_MAC_final(context.get(), reinterpret_cast<unsigned char*>(result.data()), &size,
                          result.size()),
            1);
  return result;
}

TEST(KeyedHash, IsWhatOpenSslMakesOfInputsOfAnyLength) {
  auto key = reference_key();
  std::string bytes;
  for (unsigned length = 0; length < 300; ++length) { // its last byte overflows
    EXPECT_EQ(hex(keyed_hash{key}(bytes)), hex(reference(key, bytes))) << length;
    key[length % key.size()] = static_cast<char>(key[length % key.size()] * 31 + 7);
    bytes.push_back(static_cast<char>(length * 157 + 0x80));
  }
}

TEST(KeyedHash, IsSipHashOf128Bits) {
  const keyed_hash hash{reference_key()};
  EXPECT_EQ(hex(hash("")), "a3817f04ba25a8e66df67214c7550293");
  EXPECT_EQ(hex(hash(std::string_view{"\0", 1})), "da87c1d86b99af44347659119b22fc45");
}

TEST(KeyedHash, DependsOnTheKey) {
  auto other = reference_key();
  other[0] = 1;
  EXPECT_NE(keyed_hash{reference_key()}("x"), keyed_hash{other}("x"));
}

TEST(KeyedHash, GivesTheSameAgainAndInACopy) {
  const keyed_hash hash{reference_key()};
  const auto first = hash("x");
  const auto copy = hash;
  EXPECT_EQ(hash("x"), first);
  EXPECT_EQ(copy("x"), first);
}

} // namespace
} // namespace starling::wire
