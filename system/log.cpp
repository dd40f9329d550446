#include "system/log.hpp"

#include <spdlog/async_logger.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <memory>
#include <mutex>
#include <poll.h>
#include <string>
#include <thread>
#include <unistd.h>

namespace starling::log {

namespace {

constexpr std::array<std::string_view, 4> names{"debug", "info", "warn", "error"};
constexpr std::array levels{spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                            spdlog::level::err};

spdlog::level::level_enum to_spdlog(level l) {
  return levels[static_cast<std::size_t>(l)];
}

std::string node_prefix;

/// Writes all of a text to standard error; whether that succeeds. Not through stdio, whose lock the
/// end of the process would wait for while a write is stuck.
bool write_all(std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) { // another process has made the pipe so that writes do not wait
      pollfd pipe{STDERR_FILENO, POLLOUT, 0};
      ::poll(&pipe, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

/// What the log keeps for as long as the process lives: its thread may be stuck in a write when the
/// process ends, so nothing here is ever destroyed.
struct state {
  std::shared_ptr<spdlog::logger> at_once;
  std::shared_ptr<spdlog::logger> in_background;
  std::shared_ptr<spdlog::details::thread_pool> thread; // none before `write_in_background`
  std::atomic<spdlog::logger*> logger = nullptr;        // one of the two
  std::atomic<std::uint64_t> accepted = 0;              // lines
  std::atomic<std::uint64_t> handled = 0;               // lines that the sink has seen
  std::atomic<std::uint64_t> unwritable = 0;            // lines among these

  /// Lines that left the queue without having been seen by the sink.
  std::uint64_t overrun() const { return thread ? thread->overrun_counter() : 0; }
  std::uint64_t dropped() const { return overrun() + unwritable; }
};

state& shared();

template <class Mutex>
class stderr_sink : public spdlog::sinks::base_sink<Mutex> {
protected:
  void sink_it_(const spdlog::details::log_msg& line) override {
    tell_of_dropped(line.time);
    if (!write_all(formatted(line)))
      ++shared().unwritable;
    ++shared().handled;
  }

  void flush_() override {}

private:
  std::string formatted(const spdlog::details::log_msg& line) {
    spdlog::memory_buf_t text;
    this->formatter_->format(line, text);
    return {text.data(), text.size()};
  }

  void tell_of_dropped(spdlog::log_clock::time_point now) {
    const auto dropped = shared().dropped();
    if (dropped == told_)
      return;
    const auto text = fmt::format("warn  {}log: {} lines were dropped here: they could not be "
                                  "written in time",
                                  node_prefix, dropped - told_);
    if (write_all(formatted({now, {}, "starling", spdlog::level::warn, text})))
      told_ = dropped;
  }

  std::uint64_t told_ = 0;
};

void set_up(spdlog::logger& logger, spdlog::level::level_enum least) {
  logger.set_formatter(std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %v",
                                                                   spdlog::pattern_time_type::utc));
  logger.set_error_handler([](const std::string&) {}); // spdlog would write it to standard error
  logger.set_level(least);
}

state& shared() {
  static state& instance = *[] {
    auto* result = new state;
    result->at_once =
        std::make_shared<spdlog::logger>("starling", std::make_shared<stderr_sink<std::mutex>>());
    set_up(*result->at_once, spdlog::level::err);
    result->logger = result->at_once.get();
    return result;
  }();
  return instance;
}

spdlog::logger& logger() {
  return *shared().logger.load();
}

std::string on_one_line(std::string_view text) {
  constexpr std::string_view cut = "...";
  std::string result;
  for (const char c : text) {
    if (result.size() > message_bytes_max)
      return result.append(cut);
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

void write_in_background() {
  auto& s = shared();
  assert(!s.thread);
  s.thread = std::make_shared<spdlog::details::thread_pool>(lines_max, 1);
  s.in_background = std::make_shared<spdlog::async_logger>(
      "starling", std::make_shared<stderr_sink<spdlog::details::null_mutex>>(), s.thread,
      spdlog::async_overflow_policy::overrun_oldest);
  set_up(*s.in_background, s.at_once->level());
  s.logger = s.in_background.get();
}

bool flush(std::chrono::milliseconds most) {
  constexpr std::chrono::milliseconds look_again{2};
  const auto& s = shared();
  const auto end = std::chrono::steady_clock::now() + most;
  const auto accepted = s.accepted.load();
  while (s.handled + s.overrun() < accepted) {
    if (std::chrono::steady_clock::now() >= end)
      return false;
    std::this_thread::sleep_for(look_again);
  }
  return true;
}

std::uint64_t dropped_lines() {
  return shared().dropped();
}

bool is_enabled(level l) {
  return logger().should_log(to_spdlog(l));
}

void write(level l, std::string_view component, std::string_view message) {
  ++shared().accepted;
  logger().log(to_spdlog(l), "{:<5} {}{}: {}", names[static_cast<std::size_t>(l)], node_prefix,
               component, on_one_line(message));
}

} // namespace starling::log
