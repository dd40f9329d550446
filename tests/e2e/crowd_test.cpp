// Crowds of clients that say nothing, stop in the middle or never end: they hold up nobody else, at
// neither port, and take no file from those that need one.

#include "tests/e2e/cluster.hpp"
#include "tests/e2e/eventually.hpp"

#include <list>

namespace starling::e2e {
namespace {

using namespace std::chrono_literals;

/// Connections that their client leaves alone, each after another beginning.
std::list<raw_connection> crowd_at(std::uint16_t port, int size) {
  const std::vector<std::string> beginnings{
      "", "POST /cluster/gos",
      "POST /cluster/gossip HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\nhalf a body",
      "PUT /registers/a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{\"value\""};
  std::list<raw_connection> result;
  for (int i = 0; i < size; ++i)
    result.emplace_back(port).send(beginnings[static_cast<std::size_t>(i) % beginnings.size()]);
  return result;
}

void expect_answers_at_once(const node& n) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(n.http().get("/healthz").status, 200);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
}

TEST(Crowd, AtBothPortsHoldsUpNobody) {
  cluster nodes{3};
  ASSERT_TRUE(nodes.start());
  const auto clients = crowd_at(nodes[0].http_port().number(), 200);
  const auto strangers = crowd_at(nodes[0].peer_port().number(), 200);

  expect_answers_at_once(nodes[0]);
  EXPECT_EQ(nodes[1].http().put("/registers/a", R"({"value": 1})").status, 200);
  EXPECT_TRUE(nodes.all_come_to_show("/registers/a", "1"));
  nodes[2].crash();
  ASSERT_TRUE(nodes[2].start());
  EXPECT_TRUE(comes_to_show(nodes[2], "/registers/a", "1"));
  EXPECT_EQ(state_of_peer(nodes[1], nodes[0]), "alive");
}

TEST(Crowd, ThatIsTooLargeMakesRoomAndIsReported) {
  cluster nodes{2, {"--http.max-connections=32", "--cluster.max-connections=32"}};
  ASSERT_TRUE(nodes.start());
  const auto clients = crowd_at(nodes[0].http_port().number(), 100);
  const auto strangers = crowd_at(nodes[0].peer_port().number(), 100);

  expect_answers_at_once(nodes[0]);
  EXPECT_EQ(nodes[1].http().put("/registers/a", R"({"value": 1})").status, 200);
  EXPECT_TRUE(nodes.all_come_to_show("/registers/a", "1"));
  const auto metrics = nodes[0].http().get("/metrics").body;
  for (const std::string port : {"clients", "peers"}) {
    EXPECT_NE(metrics.find("starling_http_refusals_total{port=\"" + port + "\",reason=\"full\"}"),
              std::string::npos)
        << metrics;
    EXPECT_NE(nodes[0].output().find("door: " + port + ": 1 refused (full 1)"), std::string::npos);
  }
}

TEST(Crowd, LeavesFilesForTheDiskAndForPeers) {
  const reserved_port http;
  const reserved_port peers;
  cluster nodes{1};
  ASSERT_TRUE(nodes.start());
  const auto folder = testing::TempDir() + "starling_crowd_" + std::to_string(getpid());
  const process few{{"sh", "-c",
                     "ulimit -Sn 256; ulimit -Hn 700; exec " STARLINGD_PATH " --http.listen=" +
                         http.address() + " --cluster.listen=" + peers.address() +
                         " --gossip.interval=100ms --cluster.seeds='[\"" +
                         nodes[0].peer_port().address() + "\"]' --data-dir=" + folder}};
  const client crowded{http.number()};
  ASSERT_TRUE(
      eventually([&] { return testing::AssertionResult{crowded.get("/readyz").status == 200}; }));
  EXPECT_NE(few.output().find("only 700 files can be open at a time"), std::string::npos);

  const auto clients = crowd_at(http.number(), 500);
  const auto strangers = crowd_at(peers.number(), 500);

  for (int i = 0; i < 20; ++i) {
    const auto value = R"({"value": )" + std::to_string(i) + "}";
    EXPECT_EQ(crowded.put("/registers/a", value).status, 200) << i;
  }
  EXPECT_TRUE(comes_to_show(nodes[0], "/registers/a", "19"));
  run({"rm", "-r", folder});
}

} // namespace
} // namespace starling::e2e
