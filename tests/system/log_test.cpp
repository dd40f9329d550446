#include "actors/end_on_error.hpp"
#include "system/log.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <regex>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace starling::system {

namespace {

// What a piece of code writes to standard error; leaves the log as it is before `init`.
template <class Code>
std::string written_by(Code code) {
  testing::internal::CaptureStderr();
  code();
  log::init("error", "");
  return testing::internal::GetCapturedStderr();
}

} // namespace

TEST(Log, LineHasTimeLevelNodeComponentAndMessage) {
  const auto text = written_by([] {
    log::init("info", "node-0");
    log::info("gossip", "sent {} keys to {}", 3, "node-1:9080");
  });

  EXPECT_TRUE(std::regex_match(
      text, std::regex{R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info  node-0 gossip: )"
                       "sent 3 keys to node-1:9080\n"}))
      << text;
}

TEST(Log, LowerLevelsAreNotWritten) {
  const auto text = written_by([] {
    log::init("warn", "node-0");
    log::debug("a", "one");
    log::info("a", "two");
    log::warn("a", "three");
    log::error("a", "four");
  });

  EXPECT_EQ(text.find("one"), std::string::npos);
  EXPECT_EQ(text.find("two"), std::string::npos);
  EXPECT_NE(text.find(" warn  node-0 a: three\n"), std::string::npos) << text;
  EXPECT_NE(text.find(" error node-0 a: four\n"), std::string::npos) << text;
}

TEST(Log, BeforeInitOnlyErrorsAreWritten) {
  const auto text = written_by([] {
    log::warn("main", "one");
    log::error("main", "two");
  });

  EXPECT_EQ(text.find("one"), std::string::npos);
  EXPECT_NE(text.find("Z error main: two\n"), std::string::npos) << text;
}

TEST(Log, MessageStaysOnItsLine) {
  const auto text = written_by([] {
    log::init("info", "n");
    log::info("http", "key {}", "a\nb\r\x1b[31m\x7f \xc3\xa4 {}");
  });

  EXPECT_TRUE(text.ends_with("http: key a\\x0ab\\x0d\\x1b[31m\\x7f \xc3\xa4 {}\n")) << text;
}

TEST(Log, LongMessageIsCut) {
  const auto text = written_by([] {
    log::init("info", "n");
    log::info("http", "{}", std::string(100'000, 'x'));
  });

  EXPECT_LT(text.size(), log::message_bytes_max + 100);
  EXPECT_TRUE(text.ends_with("xxx...\n"));
}

TEST(Log, KnowsItsLevels) {
  for (const char* level : {"debug", "info", "warn", "error"})
    EXPECT_TRUE(log::is_level(level)) << level;
  for (const char* level : {"", "trace", "warning", "INFO", "off"})
    EXPECT_FALSE(log::is_level(level)) << level;
}

TEST(Log, LinesOfManyThreadsStayWhole) {
  const auto text = written_by([] {
    log::init("info", "n");
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([] {
        for (int line = 0; line < 100; ++line)
          log::info("test", "{}", std::string(100, 'x'));
      });
  });

  const std::string tail = "Z info  n test: " + std::string(100, 'x') + "\n";
  std::size_t lines = 0;
  for (auto at = text.find(tail); at != std::string::npos; at = text.find(tail, at + 1))
    ++lines;
  EXPECT_EQ(lines, 400u);
}

namespace {

using namespace std::chrono_literals;

/// Standard error as a pipe that nobody reads, until somebody does. In a process of its own, which
/// has a log of its own: a test says how that process is to end.
class LogInTheBackground : public testing::Test {
protected:
  LogInTheBackground() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  struct pipe {
    pipe() {
      if (::pipe(ends) != 0 || ::dup2(ends[1], STDERR_FILENO) < 0)
        std::_Exit(2);
    }

    /// All that comes until nothing more does for a while.
    std::string read() const {
      ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
      std::string result;
      char buffer[65536];
      for (int idle = 0; idle < 50;) {
        const auto size = ::read(ends[0], buffer, sizeof buffer);
        if (size > 0) {
          result.append(buffer, static_cast<std::size_t>(size));
          idle = 0;
        } else {
          ++idle;
          std::this_thread::sleep_for(2ms);
        }
      }
      return result;
    }

    int ends[2];
  };

  static void write_lines(std::size_t from, std::size_t count) {
    for (std::size_t i = from; i < from + count; ++i)
      log::info("test", "line {} {}", i, std::string(100, 'x'));
  }

  static void start() {
    log::init("info", "n");
    log::write_in_background();
  }

  [[noreturn]] static void end(bool is_right) { std::_Exit(is_right ? 0 : 1); }
};

TEST_F(LogInTheBackground, WritesEachLineInOrder) {
  EXPECT_EXIT(
      {
        const pipe error;
        start();
        write_lines(0, 100);
        const bool is_written = log::flush(10s);
        const auto text = error.read();
        std::size_t at = 0;
        for (int i = 0; i < 100 && at != std::string::npos; ++i)
          at = text.find("line " + std::to_string(i) + " ", at);
        end(is_written && at != std::string::npos && log::dropped_lines() == 0 &&
            text.find("dropped") == std::string::npos);
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(LogInTheBackground, KeepsNobodyWaitingForWhoeverReads) {
  constexpr std::size_t lines = 5 * log::lines_max;
  EXPECT_EXIT(
      {
        const pipe error;
        start();
        write_lines(0, 1);
        bool is_right = log::flush(10s);                        // the thread is at work
        write_lines(1, lines - 1);                              // returns, though nobody reads
        is_right &= !log::flush(20ms);                          // nor does this wait for ever
        is_right &= log::dropped_lines() >= 3 * log::lines_max; // some fit into the pipe
        const auto text = error.read();
        is_right &= text.find(" lines were dropped here") != std::string::npos;
        is_right &= text.find("line 0 ") != std::string::npos;
        is_right &= text.find("line " + std::to_string(lines - 1) + " ") != std::string::npos;
        end(is_right && log::flush(10s));
      },
      testing::ExitedWithCode(0), "");
}

/// The sum of what the log said of dropped lines.
std::uint64_t dropped_in(const std::string& text) {
  static const std::regex said{" ([0-9]+) lines were dropped here"};
  std::uint64_t result = 0;
  for (auto at = std::sregex_iterator{text.begin(), text.end(), said}; at != std::sregex_iterator{};
       ++at)
    result += std::stoull((*at)[1]);
  return result;
}

TEST_F(LogInTheBackground, SaysHowManyLinesWereDropped) {
  constexpr std::size_t lines = 3 * log::lines_max;
  EXPECT_EXIT(
      {
        const pipe error;
        start();
        write_lines(0, lines);
        const auto text = error.read();
        std::size_t shown = 0;
        for (auto at = text.find("test: line "); at != std::string::npos;
             at = text.find("test: line ", at + 1))
          ++shown;
        end(log::dropped_lines() > 0 && dropped_in(text) == log::dropped_lines() &&
            shown + log::dropped_lines() == lines);
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(LogInTheBackground, CountsWhatCannotBeWrittenAndGoesOn) {
  EXPECT_EXIT(
      {
        const int full = ::open("/dev/full", O_WRONLY);
        ::dup2(full, STDERR_FILENO);
        start();
        write_lines(0, 3);
        bool is_right = log::flush(10s) && log::dropped_lines() == 3;
        const pipe error; // there is room again
        write_lines(3, 1);
        is_right &= log::flush(10s);
        const auto text = error.read();
        end(is_right && text.find(" 3 lines were dropped here") != std::string::npos &&
            text.find("line 3 ") != std::string::npos);
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(LogInTheBackground, StillWritesTheLastWords) {
  EXPECT_DEATH(
      {
        start();
        actors::end_process("somebody", "of something");
      },
      "fatal: of something");
}

TEST_F(LogInTheBackground, KeepsNoProcessFromDyingOfAnError) {
  EXPECT_EXIT(
      {
        const pipe error;
        start();
        write_lines(0, 5 * log::lines_max);
        actors::end_process("somebody", "of something");
      },
      testing::KilledBySignal(SIGABRT), "");
}

} // namespace

} // namespace starling::system
