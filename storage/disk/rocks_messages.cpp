#include "storage/disk/rocks_messages.hpp"

#include <array>
#include <cstdio>
#include <string>
#include <utility>

namespace starling::storage {

namespace {

constexpr std::size_t line_bytes_max = 1024;

bool is_power_of_ten(std::uint64_t x) {
  while (x > 1 && x % 10 == 0)
    x /= 10;
  return x == 1;
}

} // namespace

rocks_messages::rocks_messages(rocks_settings::listener tell)
    : Logger(rocksdb::WARN_LEVEL), tell_(std::move(tell)) {}

void rocks_messages::Logv(const char* format, va_list arguments) {
  if (!tell_)
    return;
  std::array<char, line_bytes_max> line{};
  std::vsnprintf(line.data(), line.size(), format, arguments);
  std::string_view text = line.data();
  tell(text.substr(0, text.find_last_not_of('\n') + 1));
}

void rocks_messages::tell(std::string_view text) {
  const std::lock_guard lock{mutex_};
  if (text != last_) {
    last_ = text;
    times_ = 1;
    return tell_(text);
  }
  if (is_power_of_ten(++times_))
    tell_(last_ + " (" + std::to_string(times_) + " times by now)");
}

void rocks_messages::LogHeader(const char*, va_list) {}

} // namespace starling::storage
