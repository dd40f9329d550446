#include "storage/disk/members_file.hpp"

#include "storage/disk/checksum.hpp"
#include "storage/disk/system_failure.hpp"
#include "system/descriptor.hpp"
#include "system/sync_names.hpp"
#include "wire/bytes.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <fstream>

namespace starling::storage {

namespace {

constexpr std::string_view first_line = "starling members 1\n";

// More than all members take that a node remembers.
constexpr std::size_t bytes_max = std::size_t{8} << 20;

std::string file_in(const std::string& folder) {
  return folder + "/members";
}

bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(file, bytes.data(), bytes.size());
    if (written <= 0)
      return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

} // namespace

std::optional<failure> keep_members(const std::string& folder, std::string_view bytes) {
  wire::writer out;
  out.raw(first_line);
  out.varint(checksum_of(bytes));
  out.raw(bytes);
  const auto draft = file_in(folder) + ".new";
  {
    const system::descriptor file{
        ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    if (file.number() < 0)
      return system_failure("cannot make " + draft, errno);
    if (!write_all(file.number(), out.view()) || ::fsync(file.number()) != 0)
      return system_failure("cannot write " + draft, errno);
  }
  if (::rename(draft.c_str(), file_in(folder).c_str()) != 0)
    return system_failure("cannot make " + file_in(folder), errno);
  if (const auto error = system::sync_names(folder))
    return system_failure("cannot sync " + folder, error);
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
