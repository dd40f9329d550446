#include "wire/keyed_hash.hpp"

#include <bit>
#include <cstring>

namespace starling::wire {

namespace {

std::uint64_t little_endian(const char* bytes) {
  std::uint64_t result = 0;
  std::memcpy(&result, bytes, sizeof result);
  if constexpr (std::endian::native == std::endian::big)
    result = __builtin_bswap64(result);
  return result;
}

void write_little_endian(char* to, std::uint64_t x) {
  if constexpr (std::endian::native == std::endian::big)
    x = __builtin_bswap64(x);
  std::memcpy(to, &x, sizeof x);
}

/// The state of SipHash while it takes words in; the names are those of its paper.
class sip_state {
public:
  sip_state(std::uint64_t k0, std::uint64_t k1)
      : v0_(k0 ^ 0x736f6d6570736575), v1_(k1 ^ 0x646f72616e646f6d ^ for_128_bits),
        v2_(k0 ^ 0x6c7967656e657261), v3_(k1 ^ 0x7465646279746573) {}

  void take(std::uint64_t word) {
    v3_ ^= word;
    round();
    round();
    v0_ ^= word;
  }

  std::uint64_t first_half() {
    v2_ ^= for_128_bits;
    return end();
  }
  std::uint64_t second_half() {
    v1_ ^= 0xdd;
    return end();
  }

private:
  static constexpr std::uint64_t for_128_bits = 0xee;

  std::uint64_t end() {
    for (int i = 0; i < 4; ++i)
      round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

  void round() {
    v0_ += v1_;
    v2_ += v3_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ = std::rotl(v0_, 32);
    v2_ += v1_;
    v0_ += v3_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ = std::rotl(v2_, 32);
  }

  std::uint64_t v0_;
  std::uint64_t v1_;
  std::uint64_t v2_;
  std::uint64_t v3_;
};

} // namespace

keyed_hash::keyed_hash(const tag& key)
    : first_key_(little_endian(key.data())), second_key_(little_endian(key.data() + 8)) {}

tag keyed_hash::operator()(std::string_view bytes) const {
  constexpr auto word = sizeof(std::uint64_t);
  sip_state state{first_key_, second_key_};
  const auto size = bytes.size();
  for (; bytes.size() >= word; bytes.remove_prefix(word))
    state.take(little_endian(bytes.data()));
  char last[word] = {}; // what is left, and the size of all
  bytes.copy(last, bytes.size());
  last[word - 1] = static_cast<char>(size);
  state.take(little_endian(last));
  tag result{};
  write_little_endian(result.data(), state.first_half());
  write_little_endian(result.data() + word, state.second_half());
  return result;
}

} // namespace starling::wire
