#include "wire/seal.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <cstdlib>

namespace starling::wire {

namespace {

using mac_context = std::shared_ptr<EVP_MAC_CTX>;

// Each of these fails only when memory is gone; a message without its tag must not leave.
void require(bool done) {
  if (!done)
    std::abort();
}

mac_context keyed(std::string_view key) {
  const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> mac{
      EVP_MAC_fetch(nullptr, "HMAC", nullptr), EVP_MAC_free};
  require(mac != nullptr);
  mac_context context{EVP_MAC_CTX_new(mac.get()), EVP_MAC_CTX_free};
  require(context != nullptr);
  std::array<char, 7> digest{"SHA256"};
  const std::array<OSSL_PARAM, 2> parameters{
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_end()};
  // An empty key is a key, too, but not a null pointer.
  static constexpr unsigned char none = 0;
  const auto* bytes = key.empty() ? &none : reinterpret_cast<const unsigned char*>(key.data());
  require(EVP_MAC_init(context.get(), bytes, key.size(), parameters.data()) == 1);
  return context;
}

std::array<unsigned char, 32> hmac(const mac_context& key,
                                   std::initializer_list<std::string_view> parts) {
  const std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> context{
      EVP_MAC_CTX_dup(key.get()), EVP_MAC_CTX_free};
  require(context != nullptr);
  for (const auto& part : parts)
    require(EVP_MAC_update(context.get(), reinterpret_cast<const unsigned char*>(part.data()),
                           part.size()) == 1);
  std::array<unsigned char, 32> out{};
  std::size_t size = 0;
  require(EVP_MAC_final(context.get(), out.data(), &size, out.size()) == 1 && size == out.size());
  return out;
}

} // namespace

secret::secret(std::string_view name, std::string_view key) {
  const auto derived = hmac(keyed(key), {"starling/1 ", name});
  keyed_ = keyed({reinterpret_cast<const char*>(derived.data()), derived.size()});
}

tag secret::sign(std::string_view purpose, std::string_view bytes) const {
  // Purposes hold no NUL, so the border is unambiguous.
  const auto full = hmac(keyed_, {purpose, std::string_view{"\0", 1}, bytes});
  tag result;
  std::copy_n(full.begin(), result.size(), result.begin());
  return result;
}

bool secret::verify(std::string_view purpose, std::string_view bytes,
                    std::string_view given) const {
  const auto wanted = sign(purpose, bytes);
  return given.size() == wanted.size() &&
         CRYPTO_memcmp(wanted.data(), given.data(), wanted.size()) == 0;
}

std::string to_hex(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string result;
  for (const char c : bytes) {
    result.push_back(digits[static_cast<unsigned char>(c) >> 4]);
    result.push_back(digits[static_cast<unsigned char>(c) & 15]);
  }
  return result;
}

} // namespace starling::wire
