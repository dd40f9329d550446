#include "storage/disk/rocks_messages.hpp"

#include <array>
#include <cstdio>
#include <utility>

namespace starling::storage {

namespace {

constexpr std::size_t line_bytes_max = 1024;

} // namespace

rocks_messages::rocks_messages(rocks_settings::listener tell)
    : Logger(rocksdb::WARN_LEVEL), tell_(std::move(tell)) {}

void rocks_messages::Logv(const char* format, va_list arguments) {
  if (!tell_)
    return;
  std::array<char, line_bytes_max> line{};
  std::vsnprintf(line.data(), line.size(), format, arguments);
  std::string_view text = line.data();
  tell_(text.substr(0, text.find_last_not_of('\n') + 1));
}

void rocks_messages::LogHeader(const char*, va_list) {}

} // namespace starling::storage
