#pragma once

// One line per event on standard error, in UTC:
//
//   2026-11-22T15:51:56.123Z info  node-0 gossip: node-1:9080 answers again
//
// Each line names its component. Callable from any thread. A line stays one line whatever a
// stranger put into it: control characters are written as \xNN, and what is longer than
// `message_bytes_max` is cut. Before `init` only errors are written.
//
// Once `write_in_background` was called, a thread of the log writes the lines, so nobody waits for
// whoever reads them. At most `lines_max` lines wait for that thread. If one more comes, the oldest
// line is dropped and counted. As soon as lines are read again, a line says how many were dropped.
// A line that cannot be written, for instance to a full disk or a closed pipe, counts as dropped.

#include <spdlog/fmt/fmt.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace starling::log {

enum class level : std::uint8_t { debug, info, warn, error };

constexpr std::size_t lines_max = 4096;
constexpr std::size_t message_bytes_max = 3800;

/// Whether this is one of debug, info, warn and error.
bool is_level(std::string_view text);

/// Writes lines from this level on, in the name of this node. Requires: is_level(least). Call it
/// before other threads log.
void init(std::string_view least, std::string_view node);

/// Has a thread write the lines from now on. Call it once, before other threads log. Signals stay
/// blocked in that thread where the caller has blocked them.
void write_in_background();

/// Waits until all lines so far are written or dropped, for so long at most; whether they are.
bool flush(std::chrono::milliseconds most);

/// How many lines were dropped since the process started.
std::uint64_t dropped_lines();

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

} // namespace starling::log
