#include "wire/keyed_hash.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <cstdlib>

namespace starling::wire {

namespace {

// Each of these fails only when memory is gone.
void require(bool done) {
  if (!done)
    std::abort();
}

} // namespace

keyed_hash::keyed_hash(const tag& key) {
  const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> mac{
      EVP_MAC_fetch(nullptr, "SIPHASH", nullptr), EVP_MAC_free};
  require(mac != nullptr);
  keyed_ = {EVP_MAC_CTX_new(mac.get()), EVP_MAC_CTX_free};
  require(keyed_ != nullptr);
  std::size_t size = std::tuple_size_v<tag>;
  const std::array<OSSL_PARAM, 2> parameters{
      OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size), OSSL_PARAM_construct_end()};
  require(EVP_MAC_init(keyed_.get(), reinterpret_cast<const unsigned char*>(key.data()), key.size(),
                       parameters.data()) == 1);
}

tag keyed_hash::operator()(std::string_view bytes) const {
  // A copy of a keyed context costs a fraction of a new one.
  const std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> context{
      EVP_MAC_CTX_dup(keyed_.get()), EVP_MAC_CTX_free};
  require(context != nullptr);
  require(EVP_MAC_update(context.get(), reinterpret_cast<const unsigned char*>(bytes.data()),
                         bytes.size()) == 1);
  tag result{};
  std::size_t size = 0;
  require(EVP_MAC_final(context.get(), reinterpret_cast<unsigned char*>(result.data()), &size,
                        result.size()) == 1 &&
          size == result.size());
  return result;
}

} // namespace starling::wire
