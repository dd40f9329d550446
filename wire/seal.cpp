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

using own_context = std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)>;

own_context copy_of(const mac_context& key) {
  own_context result{EVP_MAC_CTX_dup(key.get()), EVP_MAC_CTX_free};
  require(result != nullptr);
  return result;
}

/// Ends with the tag of these parts. Requires: nothing was added to the context.
std::array<unsigned char, 32> finish(EVP_MAC_CTX& context,
                                     std::initializer_list<std::string_view> parts) {
  for (const auto& part : parts)
    require(EVP_MAC_update(&context, reinterpret_cast<const unsigned char*>(part.data()),
                           part.size()) == 1);
  std::array<unsigned char, 32> out{};
  std::size_t size = 0;
  require(EVP_MAC_final(&context, out.data(), &size, out.size()) == 1 && size == out.size());
  return out;
}

std::array<unsigned char, 32> hmac(const mac_context& key,
                                   std::initializer_list<std::string_view> parts) {
  return finish(*copy_of(key), parts);
}

// Purposes hold no NUL, so the border is unambiguous.
constexpr std::string_view border{"\0", 1};

tag cut(const std::array<unsigned char, 32>& full) {
  tag result;
  std::copy_n(full.begin(), result.size(), result.begin());
  return result;
}

} // namespace

secret::secret(std::string_view name, std::string_view key) {
  const auto derived = hmac(keyed(key), {"starling/1 ", name});
  keyed_ = keyed({reinterpret_cast<const char*>(derived.data()), derived.size()});
}

tag secret::sign(std::string_view purpose, std::string_view bytes) const {
  return cut(hmac(keyed_, {purpose, border, bytes}));
}

secret::signer::signer(const secret& with, std::string_view purpose)
    : purpose_(purpose), context_(copy_of(with.keyed_)) {
  purpose_ += border;
}

tag secret::signer::sign(std::string_view bytes) {
  // Begins anew with the same key, which costs half of what a copy of the context does.
  require(EVP_MAC_init(context_.get(), nullptr, 0, nullptr) == 1);
  return cut(finish(*context_, {purpose_, bytes}));
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
