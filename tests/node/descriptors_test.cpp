#include "node/descriptors.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>

namespace starling::node {
namespace {

using testing::HasSubstr;

TEST(Descriptors, AreEnoughForWhatIsConfigured) {
  config::options o;
  EXPECT_EQ(fit_connections(o, 65536), std::nullopt);
  EXPECT_EQ(o.http.max_connections, config::options{}.http.max_connections);
  EXPECT_EQ(o.cluster.max_connections, config::options{}.cluster.max_connections);
}

TEST(Descriptors, AreKeptForTheDiskAndForPeersWhereThereAreFew) {
  for (const std::size_t limit : {600UL, 1024UL, 2048UL, 4096UL, 5000UL}) {
    config::options o;
    const auto warning = fit_connections(o, limit);
    ASSERT_TRUE(warning) << limit;
    EXPECT_THAT(*warning, HasSubstr("only " + std::to_string(limit) + " files"));
    EXPECT_LE(o.http.max_connections + o.cluster.max_connections + 500, limit);
    EXPECT_GE(o.cluster.max_connections, 16u);
    EXPECT_GE(o.http.max_connections, o.cluster.max_connections);
  }
}

TEST(Descriptors, LeaveAFewConnectionsInAnyCase) {
  config::options o;
  EXPECT_TRUE(fit_connections(o, 10));
  EXPECT_EQ(o.http.max_connections, 16u);
  EXPECT_EQ(o.cluster.max_connections, 16u);
}

TEST(Descriptors, AreNotTakenFromAFewConnectionsThatFit) {
  config::options o;
  o.http.max_connections = 100;
  o.cluster.max_connections = 50;
  EXPECT_EQ(fit_connections(o, 1024), std::nullopt);
  EXPECT_EQ(o.http.max_connections, 100u);
}

TEST(Descriptors, AreRaisedToTheHardLimit) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  auto low = before;
  low.rlim_cur = 256;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);

  const auto limit = raise_descriptor_limit();

  rlimit after{};
  ::getrlimit(RLIMIT_NOFILE, &after);
  EXPECT_EQ(limit, after.rlim_cur);
  EXPECT_EQ(after.rlim_cur, std::min<rlim_t>(before.rlim_max, 65536));
  ::setrlimit(RLIMIT_NOFILE, &before);
}

} // namespace
} // namespace starling::node
