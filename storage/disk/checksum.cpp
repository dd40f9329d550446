#include "storage/disk/checksum.hpp"

#include <boost/crc.hpp>

#include <zlib.h>

namespace starling::storage {

void checksum::add(std::string_view bytes) {
  const auto* first = reinterpret_cast<const Bytef*>(bytes.data());
  value_ = static_cast<std::uint32_t>(::crc32_z(value_, first, bytes.size()));
}

std::uint32_t checksum_of(std::string_view bytes) {
  checksum result;
  result.add(bytes);
  return result.value();
}

std::uint32_t crc32c_of(std::string_view bytes) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> result;
  result.process_bytes(bytes.data(), bytes.size());
  return static_cast<std::uint32_t>(result.checksum());
}

} // namespace starling::storage
