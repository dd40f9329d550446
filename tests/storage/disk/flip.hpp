#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>

namespace starling::storage {

/// Changes some bits of the byte at that place of a file.
inline void flip(const std::filesystem::path& path, std::uintmax_t at) {
  std::fstream file{path, std::ios::in | std::ios::out | std::ios::binary};
  file.seekg(static_cast<std::streamoff>(at));
  const auto byte = static_cast<char>(file.get());
  file.seekp(static_cast<std::streamoff>(at));
  file.put(static_cast<char>(byte ^ 0x55));
}

} // namespace starling::storage
