#include "storage/disk/file_names.hpp"

#include <charconv>

namespace starling::storage {

bool is_manifest(std::string_view name) {
  return name.starts_with("MANIFEST-");
}

bool is_log(std::string_view name) {
  return name.ends_with(".log") && name.size() > 4 &&
         name.find_first_not_of("0123456789") == name.size() - 4;
}

std::uint64_t log_number(std::string_view name) {
  std::uint64_t result = 0;
  std::from_chars(name.data(), name.data() + name.size(), result);
  return result;
}

std::filesystem::path without_slash(const std::string& path) {
  auto result = std::filesystem::path{path}.lexically_normal();
  return result.has_filename() ? result : result.parent_path();
}

} // namespace starling::storage
