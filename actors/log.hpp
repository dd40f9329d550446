#pragma once

// One line per event on standard error, in UTC:
//
//   2026-11-22T15:51:56.123Z info  node-0 gossip: node-1:9080 answers again
//
// Each line names its component. Callable from any thread. A line stays one line whatever a
// stranger put into it: control characters are written as \xNN. Before `init` only errors are
// written.

#include <spdlog/fmt/fmt.h>

#include <cstdint>
#include <string_view>
#include <utility>

namespace starling::actors::log {

enum class level : std::uint8_t { debug, info, warn, error };

/// Whether this is one of debug, info, warn and error.
bool is_level(std::string_view text);

/// Writes lines from this level on, in the name of this node. Requires: is_level(least). Call it
/// before other threads log.
void init(std::string_view least, std::string_view node);

bool is_enabled(level l);

/// Writes a finished message. Requires: is_enabled(l).
void write(level l, std::string_view component, std::string_view message);

template <class... Args>
void line(level l, std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (is_enabled(l))
    write(l, component, fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void debug(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  line(level::debug, component, format, std::forward<Args>(args)...);
}

template <class... Args>
void info(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  line(level::info, component, format, std::forward<Args>(args)...);
}

template <class... Args>
void warn(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  line(level::warn, component, format, std::forward<Args>(args)...);
}

template <class... Args>
void error(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  line(level::error, component, format, std::forward<Args>(args)...);
}

} // namespace starling::actors::log
