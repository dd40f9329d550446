#include "actors/log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <memory>
#include <string>

namespace starling::actors::log {

namespace {

constexpr std::array<std::string_view, 4> names{"debug", "info", "warn", "error"};
constexpr std::array levels{spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                            spdlog::level::err};

spdlog::level::level_enum to_spdlog(level l) {
  return levels[static_cast<std::size_t>(l)];
}

spdlog::logger& logger() {
  static spdlog::logger instance = [] {
    spdlog::logger result{"starling", std::make_shared<spdlog::sinks::stderr_sink_mt>()};
    result.set_formatter(std::make_unique<spdlog::pattern_formatter>(
        "%Y-%m-%dT%H:%M:%S.%eZ %v", spdlog::pattern_time_type::utc));
    result.set_level(spdlog::level::err);
    return result;
  }();
  return instance;
}

std::string node_prefix;

std::string on_one_line(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f)
      fmt::format_to(std::back_inserter(result), "\\x{:02x}", byte);
    else
      result.push_back(c);
  }
  return result;
}

} // namespace

bool is_level(std::string_view text) {
  return std::ranges::find(names, text) != names.end();
}

void init(std::string_view least, std::string_view node) {
  assert(is_level(least));
  const auto index = std::ranges::find(names, least) - names.begin();
  logger().set_level(levels[static_cast<std::size_t>(index)]);
  node_prefix = node.empty() ? std::string{} : std::string{node} + " ";
}

bool is_enabled(level l) {
  return logger().should_log(to_spdlog(l));
}

void write(level l, std::string_view component, std::string_view message) {
  logger().log(to_spdlog(l), "{:<5} {}{}: {}", names[static_cast<std::size_t>(l)], node_prefix,
               component, on_one_line(message));
}

} // namespace starling::actors::log
