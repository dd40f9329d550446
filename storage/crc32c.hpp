#pragma once

// The checksum of RocksDB's logs (CRC-32C), which guards our witness of them too.

#include <boost/crc.hpp>

#include <cstdint>
#include <string_view>

namespace starling::storage {

/// The checksum of bytes that come one after the other.
class crc32c {
public:
  void add(std::string_view bytes) { sum_.process_bytes(bytes.data(), bytes.size()); }
  std::uint32_t sum() const { return static_cast<std::uint32_t>(sum_.checksum()); }

private:
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> sum_;
};

inline std::uint32_t crc32c_of(std::string_view bytes) {
  crc32c result;
  result.add(bytes);
  return result.sum();
}

} // namespace starling::storage
