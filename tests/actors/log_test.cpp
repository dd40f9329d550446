#include "actors/log.hpp"

#include <gtest/gtest.h>

#include <regex>
#include <string>
#include <thread>
#include <vector>

namespace starling::actors {

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

} // namespace starling::actors
