#include "storage/disk/members_file.hpp"

#include "storage/disk/checksum.hpp"
#include "storage/disk/system_failure.hpp"
#include "system/durable_file.hpp"
#include "wire/bytes.hpp"

#include <fstream>

namespace starling::storage {

namespace {

constexpr std::string_view first_line = "starling members 1\n";

// More than all members take that a node remembers.
constexpr std::size_t bytes_max = std::size_t{8} << 20;

std::string file_in(const std::string& folder) {
  return folder + "/members";
}

} // namespace

wire::possible<failure> keep_members(const std::string& folder, std::string_view bytes) {
  wire::writer out;
  out.raw(first_line);
  out.varint(checksum_of(bytes));
  out.raw(bytes);
  if (const auto failed = system::replace_file(file_in(folder), out.view()))
    return system_failure(failed->cannot, failed->number);
  return std::nullopt;
}

std::string kept_members(const std::string& folder) {
  std::string all(bytes_max + 1, '\0');
  std::ifstream file{file_in(folder), std::ios::binary};
  file.read(all.data(), static_cast<std::streamsize>(all.size()));
  all.resize(static_cast<std::size_t>(file.gcount()));
  if (all.size() > bytes_max)
    return {};
  wire::reader in{all};
  if (in.raw(first_line.size()) != first_line)
    return {};
  const auto sum = in.varint();
  const auto bytes = in.raw(in.remaining());
  return in.ok() && checksum_of(bytes) == sum ? std::string{bytes} : std::string{};
}

} // namespace starling::storage
