#include "system/process_stats.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace starling::system {
namespace {

const std::string stat = "42 (a) b (c)) S 1 42 42 0 -1 4194560 1 2 3 4 250 150 0 0 20 0 94 0 "
                         "1234500 1000000 25 18446744073709551615 1 1\n";
const std::string system = "cpu  1 2 3\nintr 5\nctxt 7\nbtime 1700000000\nprocesses 9\n";

TEST(ProcessStats, AreReadFromTheFieldsBehindTheName) {
  const auto stats = parse_process_stats(stat, system, {100, 4096});
  ASSERT_TRUE(stats);
  EXPECT_EQ(stats->cpu_seconds, 4);
  EXPECT_EQ(stats->virtual_bytes, 1'000'000);
  EXPECT_EQ(stats->resident_bytes, 25 * 4096);
  EXPECT_EQ(stats->started, 1'700'012'345);
}

TEST(ProcessStats, AreNothingWhereAFieldIsMissing) {
  EXPECT_FALSE(parse_process_stats("", system, {}));
  EXPECT_FALSE(parse_process_stats("42 (a) S 1 2", system, {}));
  EXPECT_FALSE(parse_process_stats(stat, "", {}));
  EXPECT_FALSE(parse_process_stats(stat, "cpu 1\nbtime soon\n", {}));
}

TEST(ProcessStats, OfThisProcessArePlausible) {
  const auto stats = read_process_stats();
  ASSERT_TRUE(stats);
  EXPECT_GT(stats->resident_bytes, 1 << 20);
  EXPECT_GE(stats->virtual_bytes, stats->resident_bytes);
  EXPECT_GE(stats->open_files, 3);
  EXPECT_GT(stats->open_files_max, static_cast<double>(stats->open_files));
  const auto now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_NEAR(stats->started, now, 3600);
}

} // namespace
} // namespace starling::system
