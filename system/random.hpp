#pragma once

// Randomness from the operating system, for identities and nonces.

#include <cstdint>
#include <random>

namespace starling::system {

/// 64 bits that nobody can foresee.
inline std::uint64_t random_bits() {
  std::random_device source; // the kernel's generator on Linux
  return std::uint64_t{source()} << 32 | source();
}

} // namespace starling::system
