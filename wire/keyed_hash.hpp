#pragma once

// A fast keyed hash of short inputs: SipHash-2-4 with a key and a result of 128 bits (Aumasson,
// Bernstein, SipHash: a fast short-input PRF).
//
// Who does not know the key can neither foresee a result nor make two inputs share one. It is meant
// for tables and sums whose results never leave the cluster; what has to convince a stranger is
// signed instead (wire/seal.hpp). It is written out here since OpenSSL makes a context for each
// input, which takes three times as long as the hash; a test compares the two.

#include "wire/seal.hpp"

#include <cstdint>
#include <string_view>

namespace starling::wire {

class keyed_hash {
public:
  explicit keyed_hash(const tag& key);

  tag operator()(std::string_view bytes) const;

private:
  std::uint64_t first_key_;
  std::uint64_t second_key_;
};

} // namespace starling::wire
