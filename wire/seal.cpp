#include "wire/seal.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstdlib>

namespace starling::wire {

namespace {

std::string hmac(std::string_view key, std::string_view data) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  // HMAC fails only when memory is gone; a message without its tag must not leave.
  if (!HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
            reinterpret_cast<const unsigned char*>(data.data()), data.size(), out.data(), &size))
    std::abort();
  return {reinterpret_cast<const char*>(out.data()), size};
}

} // namespace

secret::secret(std::string_view name, std::string_view key)
    : derived_(hmac(key, std::string{"starling/1 "}.append(name))) {}

tag secret::sign(std::string_view purpose, std::string_view bytes) const {
  std::string data;
  data.reserve(purpose.size() + 1 + bytes.size());
  data.append(purpose).push_back('\0'); // purposes hold no NUL, so the border is unambiguous
  data.append(bytes);
  const auto full = hmac(derived_, data);
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
