#include "node/node_report.hpp"

#include <gtest/gtest.h>

namespace starling::node {
namespace {

using enum unreadiness::cause;
using storage::failure;
using storage::trouble;

node_report with_disk(actors::storage_report disk) {
  return {.storage = std::move(disk)};
}

TEST(WhyNotReady, IsNothingForANodeThatIsWell) {
  EXPECT_EQ(why_not_ready(node_report{}), std::nullopt);
}

TEST(WhyNotReady, IsThatAReportIsMissing) {
  EXPECT_EQ(why_not_ready(service_error::timed_out), unreadiness{silent});
}

TEST(WhyNotReady, IsWhatIsWrongWithTheDisk) {
  EXPECT_EQ(why_not_ready(with_disk({.failure = failure{trouble::full, "no room"}})),
            (unreadiness{disk_full, "no room"}));
  EXPECT_EQ(why_not_ready(with_disk({.failure = failure{trouble::read_only, "a mount"}})),
            (unreadiness{disk_takes_no_writes, "a mount"}));
  EXPECT_EQ(why_not_ready(with_disk({.damage = "a bit"})), (unreadiness{disk_damaged, "a bit"}));
  EXPECT_EQ(why_not_ready(with_disk({.unreadable = "a file"})),
            (unreadiness{disk_unreadable, "a file"}));
  EXPECT_EQ(why_not_ready(with_disk({.is_mending = true})), unreadiness{being_mended});
}

TEST(WhyNotReady, IsThatItRefusesWritesBeforeAllElse) {
  auto report = with_disk({.is_mending = true});
  report.refuses_writes = true;
  EXPECT_EQ(why_not_ready(report), unreadiness{leaving});
}

} // namespace
} // namespace starling::node
