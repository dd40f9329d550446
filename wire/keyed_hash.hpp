#pragma once

// A fast keyed hash of short inputs: SipHash-2-4 with a key and a result of 128 bits (Aumasson,
// Bernstein, SipHash: a fast short-input PRF).
//
// Who does not know the key can neither foresee a result nor make two inputs share one. It is meant
// for tables and sums whose results never leave the cluster; what has to convince a stranger is
// signed instead (wire/seal.hpp).

#include "wire/seal.hpp"

#include <memory>
#include <string_view>

namespace starling::wire {

class keyed_hash {
public:
  explicit keyed_hash(const tag& key);

  tag operator()(std::string_view bytes) const;

private:
  std::shared_ptr<evp_mac_ctx_st> keyed_; // never changed, so copies may share it
};

} // namespace starling::wire
