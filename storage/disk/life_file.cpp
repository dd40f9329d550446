#include "storage/disk/life_file.hpp"

#include "storage/disk/stamps.hpp"
#include "storage/disk/system_failure.hpp"
#include "system/descriptor.hpp"
#include "system/durable_file.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace starling::storage {

namespace {

constexpr std::string_view first_line = "starling life 1\n";
constexpr std::size_t digits = 32;
constexpr std::string_view hex = "0123456789abcdef";

std::string file_in(const std::string& folder) {
  return folder + "/life";
}

std::string draft_in(const std::string& folder) {
  return folder + "/life.new";
}

std::string to_digits(std::uint64_t x) {
  std::string result;
  for (int shift = 60; shift >= 0; shift -= 4)
    result.push_back(hex[x >> shift & 15]);
  return result;
}

/// The word in a text; nothing if that is no life.
std::optional<std::string> word_in(std::string_view text) {
  if (text.size() != first_line.size() + digits + 1 || !text.starts_with(first_line) ||
      text.back() != '\n')
    return std::nullopt;
  const auto word = text.substr(first_line.size(), digits);
  if (word.find_first_not_of(hex) != std::string_view::npos)
    return std::nullopt;
  return std::string{word};
}

} // namespace

found<std::optional<life>> read_life(const std::string& folder) {
  const auto path = file_in(folder);
  const system::descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.number() < 0)
    return errno == ENOENT ? found<std::optional<life>>{std::nullopt}
                           : system_failure("cannot open " + path, errno);
  std::string text(first_line.size() + digits + 2, '\0');
  const auto size = ::pread(file.number(), text.data(), text.size(), 0);
  if (size < 0)
    return system_failure("cannot read " + path, errno);
  text.resize(static_cast<std::size_t>(size));
  auto word = word_in(text);
  if (!word)
    return std::nullopt;
  auto stamp = stamp_of(file.number(), path);
  if (!stamp)
    return std::move(stamp).error();
  return life{std::move(*word), *stamp};
}

found<life> draft_life(const std::string& folder, std::uint64_t high, std::uint64_t low) {
  const auto path = draft_in(folder);
  ::unlink(path.c_str()); // one that was left would lend this one its birth
  const auto word = to_digits(high) + to_digits(low);
  const auto file = system::write_synced(path, std::string{first_line} + word + "\n");
  if (!file)
    return system_failure(file.error().cannot, file.error().number);
  auto stamp = stamp_of(file->number(), path);
  if (!stamp)
    return std::move(stamp).error();
  life result{word, *stamp};
  result.file.changed_ns = 0;
  return result;
}

found<life> put_life_in_place(const std::string& folder) {
  if (const auto failed = system::put_in_place(draft_in(folder), file_in(folder)))
    return system_failure(failed->cannot, failed->number);
  auto now = read_life(folder);
  if (!now)
    return std::move(now).error();
  if (const auto& made = *now)
    return *made;
  return failure{trouble::broken, file_in(folder) + " is not what was written"};
}

} // namespace starling::storage
