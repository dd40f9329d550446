#pragma once

// Two checksums: one of our own files, and the one that RocksDB puts into its logs.

#include <cstdint>
#include <string_view>

namespace starling::storage {

/// CRC-32 of bytes that come one after the other, by zlib: everything that is written to a log goes
/// through it.
class checksum {
public:
  void add(std::string_view bytes);
  std::uint32_t value() const { return value_; }

private:
  std::uint32_t value_ = 0;
};

std::uint32_t checksum_of(std::string_view bytes);

/// CRC-32C. Ten times as slow.
std::uint32_t crc32c_of(std::string_view bytes);

} // namespace starling::storage
