#include "wire/base64.hpp"

#include <openssl/evp.h>

#include <cassert>
#include <climits>

namespace starling::wire {

namespace {

unsigned char* data_of(std::string& x) {
  return reinterpret_cast<unsigned char*>(x.data());
}

const unsigned char* data_of(std::string_view x) {
  return reinterpret_cast<const unsigned char*>(x.data());
}

} // namespace

std::string to_base64(std::string_view bytes) {
  assert(bytes.size() <= INT_MAX / 2);
  std::string text((bytes.size() + 2) / 3 * 4, '\0'); // the terminating zero has its place, too
  EVP_EncodeBlock(data_of(text), data_of(bytes), static_cast<int>(bytes.size()));
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  const auto padding = text.size() - (text.find_last_not_of('=') + 1);
  if (text.size() % 4 != 0 || text.size() > INT_MAX / 2 || padding > 2)
    return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  if (EVP_DecodeBlock(data_of(bytes), data_of(text), static_cast<int>(text.size())) < 0)
    return std::nullopt;
  bytes.resize(bytes.size() - padding); // OpenSSL gives zeros for it
  // It also takes white space, and drops bits of the last digit.
  if (to_base64(bytes) != text)
    return std::nullopt;
  return bytes;
}

} // namespace starling::wire
