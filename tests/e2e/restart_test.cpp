// Nodes that crash, come late, stop, freeze, or belong elsewhere.

#include "tests/e2e/cluster.hpp"
#include "tests/e2e/eventually.hpp"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <list>
#include <optional>
#include <thread>

namespace starling::e2e {
namespace {

using namespace std::chrono_literals;
using testing::AssertionFailure;
using testing::AssertionResult;
using testing::AssertionSuccess;

/// Writes a value of each type through a node.
void write_one_of_each(const node& n) {
  EXPECT_EQ(n.http().post("/counters/visitors", R"({"increment": 5})").status, 200);
  EXPECT_EQ(n.http().put("/registers/config", R"({"value": "dark-mode"})").status, 200);
  EXPECT_EQ(n.http().post("/sets/fruits", R"({"add": ["apple", "banana"]})").status, 200);
}

AssertionResult come_to_show_one_of_each(const node& n) {
  return eventually([&]() -> AssertionResult {
    for (const auto& [target, value] : {std::pair{"/counters/visitors", "5"},
                                        {"/registers/config", "\"dark-mode\""},
                                        {"/sets/fruits", R"(["apple","banana"])"}})
      if (auto seen = shows(n, target, value); !seen)
        return seen;
    return AssertionSuccess();
  });
}

AssertionResult comes_to_know(const node& who, const node& peer, const std::string& state) {
  return eventually([&]() -> AssertionResult {
    const auto seen = state_of_peer(who, peer);
    if (seen == state)
      return AssertionSuccess();
    return AssertionFailure() << who.name() << " knows " << peer.name() << " as \"" << seen
                              << "\", not " << state;
  });
}

AssertionResult comes_to_write(node& who, const std::string& text) {
  return eventually([&]() -> AssertionResult {
    if (who.output().find(text) != std::string::npos)
      return AssertionSuccess();
    return AssertionFailure() << who.name() << " does not write: " << text;
  });
}

TEST(Restart, CrashedNodeIsRefilledByTheOthersAndTakesPartAgain) {
  cluster nodes{3};
  ASSERT_TRUE(nodes.start());
  write_one_of_each(nodes[2]);
  for (const auto& one : nodes.nodes())
    ASSERT_TRUE(come_to_show_one_of_each(one));

  nodes[2].crash();
  ASSERT_TRUE(nodes[2].start());

  EXPECT_TRUE(come_to_show_one_of_each(nodes[2]));
  EXPECT_TRUE(eventually([&] { return nodes.is_whole(); }));
  EXPECT_EQ(nodes[2].http().post("/counters/visitors", R"({"increment": 2})").status, 200);
  EXPECT_EQ(nodes[0].http().post("/counters/visitors", R"({"decrement": 1})").status, 200);
  EXPECT_EQ(nodes[2].http().post("/sets/fruits", R"({"remove": ["apple"]})").status, 200);
  EXPECT_TRUE(nodes.all_come_to_show("/counters/visitors", "6"));
  EXPECT_TRUE(nodes.all_come_to_show("/sets/fruits", R"(["banana"])"));
}

TEST(Restart, CrashedNodeLearnsWhatItMissed) {
  cluster nodes{3};
  ASSERT_TRUE(nodes.start());
  nodes[1].crash();

  write_one_of_each(nodes[0]);
  EXPECT_TRUE(come_to_show_one_of_each(nodes[2])) << "a peer that is down holds up the others";
  EXPECT_TRUE(comes_to_know(nodes[0], nodes[1], "dead"));
  ASSERT_TRUE(nodes[1].start());

  EXPECT_TRUE(come_to_show_one_of_each(nodes[1]));
  EXPECT_TRUE(eventually([&] { return nodes.is_whole(); }));
}

TEST(Restart, NodeKeepsItsPlaceThroughManyCrashes) {
  cluster nodes{3};
  ASSERT_TRUE(nodes.start());
  for (int life = 1; life <= 3; ++life) {
    EXPECT_EQ(nodes[1].http().post("/counters/lives", R"({"increment": 1})").status, 200);
    ASSERT_TRUE(nodes.all_come_to_show("/counters/lives", std::to_string(life)));
    nodes[1].crash();
    ASSERT_TRUE(nodes[1].start());
  }

  EXPECT_TRUE(nodes.all_come_to_show("/counters/lives", "3"));
  EXPECT_TRUE(eventually([&] { return nodes.is_whole(); }));
}

TEST(Restart, LateNodeGetsEverything) {
  constexpr int count = 300;
  cluster nodes{3, {"--gossip.max-message=4096"}}; // so that it takes many messages
  ASSERT_TRUE(nodes[0].start());
  ASSERT_TRUE(nodes[1].start());
  write_one_of_each(nodes[0]);
  for (int i = 0; i < count; ++i)
    ASSERT_EQ(nodes[i % 2]
                  .http()
                  .put("/registers/" + std::to_string(i), "{\"value\": " + std::to_string(i) + "}")
                  .status,
              200);

  ASSERT_TRUE(nodes[2].start());

  EXPECT_TRUE(come_to_show_one_of_each(nodes[2]));
  for (int i = 0; i < count; ++i)
    ASSERT_TRUE(comes_to_show(nodes[2], "/registers/" + std::to_string(i), std::to_string(i)));
  EXPECT_TRUE(eventually([&] { return nodes.is_whole(); }));
}

TEST(Restart, SeedThatIsDownAtFirstIsJoinedLater) {
  cluster nodes{2};
  nodes[1].set_flag("--cluster.seeds=[]"); // node 0 has to come to it
  ASSERT_TRUE(nodes[0].start());
  write_one_of_each(nodes[0]);
  EXPECT_TRUE(comes_to_write(nodes[0], nodes[1].peer_port().address()));

  ASSERT_TRUE(nodes[1].start());

  EXPECT_TRUE(come_to_show_one_of_each(nodes[1]));
  EXPECT_TRUE(comes_to_know(nodes[0], nodes[1], "alive"));
  EXPECT_TRUE(comes_to_know(nodes[1], nodes[0], "alive"));
}

TEST(Restart, FirstNodeServesAloneWhileItsSeedsAreDown) {
  cluster nodes{3};

  ASSERT_TRUE(nodes[0].start());

  write_one_of_each(nodes[0]);
  EXPECT_TRUE(come_to_show_one_of_each(nodes[0]));
  EXPECT_EQ(nodes[0].http().get("/readyz").status, 200);
  EXPECT_EQ(nodes[0].http().get("/cluster").member("peers"), "[]");
}

TEST(Restart, NodesThatKnowOneSeedFindEachOther) {
  cluster nodes{4};
  for (auto& one : nodes.nodes())
    one.set_flag("--cluster.seeds=[\"" + nodes[3].peer_port().address() + "\"]");

  ASSERT_TRUE(nodes.start());

  write_one_of_each(nodes[0]);
  for (const auto& one : nodes.nodes())
    EXPECT_TRUE(come_to_show_one_of_each(one));
}

// --- stopping --------------------------------------------------------------------------------

/// Connections that their client leaves alone: after a request, within one, and before any.
std::list<raw_connection> open_idle_connections(std::uint16_t port) {
  std::list<raw_connection> result;
  for (const auto* said : {"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
                           "POST /counters/a HTTP/1.1\r\nHost: local", ""})
    for (int i = 0; i < 4; ++i)
      result.emplace_back(port).send(said);
  return result;
}

TEST(Restart, EachStopSignalEndsANodeCleanly) {
  for (const auto signal : {SIGTERM, SIGINT}) {
    cluster nodes{1};
    ASSERT_TRUE(nodes.start());
    write_one_of_each(nodes[0]);

    EXPECT_EQ(nodes[0].stop(signal, 3s), 0);
    EXPECT_EQ(nodes[0].http().get("/healthz").status, 0) << "somebody still answers";
  }
}

TEST(Restart, StopWaitsNeitherForIdleClientsNorForADeadPeer) {
  cluster nodes{2};
  ASSERT_TRUE(nodes.start());
  nodes[1].crash();
  write_one_of_each(nodes[0]);
  ASSERT_TRUE(comes_to_know(nodes[0], nodes[1], "dead"));
  const auto idle = open_idle_connections(nodes[0].http_port().number());
  const auto idle_peers = open_idle_connections(nodes[0].peer_port().number());
  EXPECT_EQ(idle.front().receive(1s).substr(0, 12), "HTTP/1.1 200");

  EXPECT_EQ(nodes[0].stop(SIGTERM, 3s), 0);
}

TEST(Restart, StopGivesAFrozenPeerTwoSecondsToTakeWhatItLacks) {
  cluster nodes{2}; // a message may take 5 s
  ASSERT_TRUE(nodes.start());
  nodes[1].freeze();
  write_one_of_each(nodes[0]);

  EXPECT_EQ(nodes[0].stop(SIGTERM, 4s), 0);
}

TEST(Restart, OrderlyStopHandsOnWhatWasAnswered) {
  cluster nodes{2, {"--gossip.interval=1h", "--gossip.prompt-delay=0s"}}; // no round comes in time
  ASSERT_TRUE(nodes.start());
  write_one_of_each(nodes[0]);

  ASSERT_EQ(nodes[0].stop(SIGTERM, 3s), 0);

  EXPECT_TRUE(come_to_show_one_of_each(nodes[1]));
}

// --- freezing --------------------------------------------------------------------------------

TEST(Restart, FrozenNodeHoldsUpNobodyAndCatchesUp) {
  cluster nodes{3, {"--cluster.peer-timeout=1s"}}; // so that messages to it are given up
  ASSERT_TRUE(nodes.start());
  ASSERT_EQ(nodes[2].http().post("/counters/writes", R"({"increment": 1})").status, 200);
  ASSERT_TRUE(nodes.all_come_to_show("/counters/writes", "1"));

  nodes[2].freeze();
  auto slowest = 0ms;
  int value = 1;
  for (const auto end = std::chrono::steady_clock::now() + 3s;
       std::chrono::steady_clock::now() < end; std::this_thread::sleep_for(50ms)) {
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_EQ(nodes[value % 2].http().post("/counters/writes", R"({"increment": 1})").status, 200);
    slowest = std::max(slowest, std::chrono::duration_cast<std::chrono::milliseconds>(
                                    std::chrono::steady_clock::now() - begin));
    ++value;
  }
  const auto expected = std::to_string(value);
  for (const auto i : {0U, 1U})
    EXPECT_TRUE(comes_to_show(nodes[i], "/counters/writes", expected));
  EXPECT_LT(slowest, 1s);
  nodes[2].thaw();

  EXPECT_TRUE(nodes.all_come_to_show("/counters/writes", expected));
  EXPECT_TRUE(eventually([&] { return nodes.is_whole(); }));
}

// --- strangers -------------------------------------------------------------------------------

/// A node that is told to join two others, and has not their name or key, stays outside.
void expect_stranger(const std::optional<std::string>& their_flag,
                     const std::optional<std::string>& stranger_flag) {
  cluster nodes{3};
  for (const auto i : {0U, 1U})
    if (their_flag)
      nodes[i].set_flag(*their_flag);
  if (stranger_flag)
    nodes[2].set_flag(*stranger_flag);
  for (auto& one : nodes.nodes())
    ASSERT_TRUE(one.start());
  EXPECT_EQ(nodes[2].http().post("/counters/theirs", R"({"increment": 1})").status, 200);
  EXPECT_EQ(nodes[0].http().post("/counters/ours", R"({"increment": 1})").status, 200);
  ASSERT_TRUE(comes_to_show(nodes[1], "/counters/ours", "1"));

  // Both sides have tried, and say why they do not come together.
  EXPECT_TRUE(comes_to_write(nodes[0], "no answer from " + nodes[2].peer_port().address()));
  EXPECT_TRUE(comes_to_write(nodes[2], "cluster.name or cluster.key differ"));
  std::this_thread::sleep_for(1s);
  EXPECT_EQ(nodes[2].http().shown("/counters/ours"), "status 404");
  for (const auto i : {0U, 1U}) {
    EXPECT_EQ(nodes[i].http().shown("/counters/theirs"), "status 404");
    EXPECT_NE(state_of_peer(nodes[i], nodes[2]), "alive");
    EXPECT_NE(state_of_peer(nodes[2], nodes[i]), "alive");
  }
}

TEST(Restart, NodeOfAnotherClusterNameIsAStranger) {
  expect_stranger(std::nullopt, "--cluster.name=another");
}

TEST(Restart, NodeWithAnotherKeyIsAStranger) {
  expect_stranger("--cluster.key=the key of this cluster", "--cluster.key=the key of another one");
}

TEST(Restart, NodeWithoutTheKeyIsAStranger) {
  expect_stranger("--cluster.key=the key of this cluster", std::nullopt);
}

TEST(Restart, NodesThatShareAKeyConverge) {
  const std::string path = testing::TempDir() + "starling_key_" + std::to_string(getpid());
  std::ofstream{path} << "the key of this cluster\n";
  cluster nodes{2, {"--cluster.key-file=" + path}};
  const bool started = static_cast<bool>(nodes.start());
  std::remove(path.c_str());
  ASSERT_TRUE(started);

  write_one_of_each(nodes[0]);
  EXPECT_TRUE(come_to_show_one_of_each(nodes[1]));

  // Contexts are of the cluster, not of the node that gave them out.
  const auto context = nodes[1].http().context("/sets/fruits", "apple");
  EXPECT_EQ(nodes[0]
                .http()
                .post("/sets/fruits",
                      R"({"remove": ["apple"], "contexts": {"apple": ")" + context + "\"}}")
                .status,
            200);
  EXPECT_TRUE(nodes.all_come_to_show("/sets/fruits", R"(["banana"])"));
}

} // namespace
} // namespace starling::e2e
