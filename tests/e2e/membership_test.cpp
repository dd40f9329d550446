// Nodes that die, move, come back, leave, and stand still, as the others see it.

#include "tests/e2e/cluster.hpp"
#include "tests/e2e/eventually.hpp"

#include <arpa/inet.h>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <netdb.h>
#include <netinet/in.h>
#include <sstream>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace starling::e2e {
namespace {

using namespace std::chrono_literals;
using testing::AssertionFailure;
using testing::AssertionResult;
using testing::AssertionSuccess;

// With the intervals of the tests' clusters and this flag, the most that it may take until a node
// of three that died is dead for the others: three turns of probes (SWIM, 4.3), one of them to its
// end, the longest suspicion, and news for the other one.
const std::string short_suspicion = "--swim.suspicion-max-multiplier=2";
constexpr auto probe_interval = 500ms;
constexpr auto detection_max =
    (2 * 3 - 1) * probe_interval + probe_interval + 4 * 2 * probe_interval + probe_interval;
constexpr auto slack = 2s; // for a loaded machine

AssertionResult comes_to_be(const node& who, const node& peer, const std::string& state,
                            std::chrono::milliseconds deadline = patience) {
  return eventually(
      [&]() -> AssertionResult {
        const auto seen = state_of_peer(who, peer);
        if (seen == state)
          return AssertionSuccess();
        return AssertionFailure() << who.name() << " shows " << peer.name() << " as \"" << seen
                                  << "\", not " << state;
      },
      deadline);
}

/// A folder for a test's files, gone after it.
class folder {
public:
  folder() : path_(testing::TempDir() + "starling_membership_" + std::to_string(getpid())) {
    std::filesystem::create_directory(path_);
  }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;
  ~folder() { std::filesystem::remove_all(path_); }

  std::string file(const std::string& name) const { return path_ + "/" + name; }

private:
  std::string path_;
};

TEST(Membership, KilledNodeIsDeadEverywhereInTime) {
  cluster nodes{3, {short_suspicion}};
  ASSERT_TRUE(nodes.start());
  const auto begin = std::chrono::steady_clock::now();

  nodes[2].crash();

  for (const auto i : {0U, 1U})
    EXPECT_TRUE(comes_to_be(nodes[i], nodes[2], "dead"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, detection_max + slack);
  EXPECT_EQ(state_of_peer(nodes[0], nodes[1]), "alive");

  // Out of the pool: nothing is kept for it, and nothing is sent to it.
  EXPECT_EQ(nodes[0].http().post("/counters/a", R"({"increment": 1})").status, 200);
  EXPECT_TRUE(eventually([&]() -> AssertionResult {
    const auto text = nodes[0].http().get("/metrics").body;
    if (text.find("\nstarling_gossip_log_entries 0\n") != std::string::npos)
      return AssertionSuccess();
    return AssertionFailure() << text;
  }));
}

TEST(Membership, NodeThatComesBackAtAnotherPortIsTheSameMember) {
  const folder files;
  cluster nodes{3};
  for (auto& one : nodes.nodes())
    one.set_flag("--node.identity-file=" + files.file(one.name()));
  ASSERT_TRUE(nodes.start());
  const auto before = members_shown(nodes[0]);
  nodes[2].crash();
  ASSERT_TRUE(comes_to_be(nodes[0], nodes[2], "dead"));

  const reserved_port another;
  nodes[2].set_flag("--cluster.listen=" + another.address());
  ASSERT_TRUE(nodes[2].start());

  for (const auto i : {0U, 1U})
    EXPECT_TRUE(eventually([&]() -> AssertionResult {
      const auto shown = members_shown(nodes[i]);
      for (const auto& one : shown)
        if (one.name == nodes[2].name() && one.address == another.address() &&
            one.state == "alive" && shown.size() == 2)
          return AssertionSuccess();
      return AssertionFailure() << nodes[i].http().get("/cluster").body;
    }));
  const auto id_of = [&](const std::vector<member_shown>& shown) {
    for (const auto& one : shown)
      if (one.name == nodes[2].name())
        return one.id;
    return std::string{};
  };
  EXPECT_EQ(id_of(members_shown(nodes[0])), id_of(before));
  EXPECT_EQ(nodes[0].http().post("/counters/a", R"({"increment": 1})").status, 200);
  EXPECT_TRUE(nodes.all_come_to_show("/counters/a", "1"));
}

TEST(Membership, NodeThatComesBackWithoutItsIdHidesItsFormerLife) {
  cluster nodes{3};
  ASSERT_TRUE(nodes.start());
  nodes[2].crash();
  ASSERT_TRUE(comes_to_be(nodes[0], nodes[2], "dead"));

  ASSERT_TRUE(nodes[2].start());

  for (const auto i : {0U, 1U})
    EXPECT_TRUE(comes_to_be(nodes[i], nodes[2], "alive"));
  EXPECT_EQ(members_shown(nodes[0]).size(), 2u) << nodes[0].http().get("/cluster").body;
}

TEST(Membership, OlderOfTwoNodesWithOneIdGoesOnUnderAnother) {
  const folder files;
  cluster nodes{3};
  nodes[0].set_flag("--node.identity-file=" + files.file("identity"));
  nodes[2].set_flag("--node.identity-file=" + files.file("copy"));
  ASSERT_TRUE(nodes[0].start());
  ASSERT_TRUE(nodes[1].start());
  ASSERT_TRUE(comes_to_be(nodes[1], nodes[0], "alive"));
  const auto disputed = members_shown(nodes[1]).front().id;
  std::filesystem::copy_file(files.file("identity"), files.file("copy"));

  ASSERT_TRUE(nodes[2].start());

  ASSERT_TRUE(eventually([&] { return nodes.is_whole(); }));
  EXPECT_NE(nodes[0].output().find("another process runs under the id of this node"),
            std::string::npos);
  for (const auto& one : members_shown(nodes[1])) {
    EXPECT_EQ(one.id == disputed, one.name == nodes[2].name()) << one.name;
    // It is kept, so that the two do not meet again after a restart.
    const auto file = one.id == disputed ? "copy" : "identity";
    std::ostringstream kept;
    kept << std::ifstream{files.file(file)}.rdbuf();
    EXPECT_NE(kept.str().find("node " + one.id + "\n"), std::string::npos) << kept.str();
  }
  EXPECT_EQ(nodes[0].http().post("/counters/a", R"({"increment": 1})").status, 200);
  EXPECT_EQ(nodes[2].http().post("/counters/a", R"({"increment": 1})").status, 200);
  EXPECT_TRUE(nodes.all_come_to_show("/counters/a", "2"));
}

TEST(Membership, NodeThatIsToldToLeaveHandsOnWhatItHasAndIsLeftAtOnce) {
  cluster nodes{3, {"--gossip.interval=1h", "--gossip.prompt-delay=0s"}}; // no round comes in time
  ASSERT_TRUE(nodes.start());
  ASSERT_EQ(nodes[2].http().post("/counters/a", R"({"increment": 5})").status, 200);

  const auto told = tell_to_leave(nodes[2]);

  EXPECT_EQ(told.status, 0) << told.output;
  EXPECT_NE(told.output.find("2 of 2 others said that they know"), std::string::npos)
      << told.output;
  EXPECT_EQ(nodes[2].wait(5s), 0);
  for (const auto i : {0U, 1U}) {
    EXPECT_TRUE(comes_to_be(nodes[i], nodes[2], "left", 1s));
    EXPECT_TRUE(comes_to_show(nodes[i], "/counters/a", "5"));
    EXPECT_EQ(nodes[i].output().find("is suspected"), std::string::npos) << nodes[i].output();
  }
}

TEST(Membership, NodeThatIsToldToLeaveStaysWhileOthersLackWhatItHas) {
  cluster nodes{
      3, {"--gossip.interval=1h", "--gossip.prompt-delay=0s", "--gossip.leave-timeout=500ms"}};
  ASSERT_TRUE(nodes.start());
  nodes[1].freeze();
  ASSERT_EQ(nodes[2].http().post("/counters/a", R"({"increment": 5})").status, 200);

  const auto refused = tell_to_leave(nodes[2]);

  EXPECT_EQ(refused.status, 1) << refused.output;
  EXPECT_NE(refused.output.find("does not leave: it has what 1 others lack"), std::string::npos)
      << refused.output;
  EXPECT_TRUE(nodes[2].is_running());
  EXPECT_EQ(nodes[2].http().get("/readyz").status, 200);
  EXPECT_EQ(nodes[2].http().post("/counters/a", R"({"increment": 1})").status, 200);
  EXPECT_TRUE(comes_to_show(nodes[2], "/counters/a", "6"));

  nodes[1].thaw();
  EXPECT_TRUE(comes_to_be(nodes[2], nodes[1], "alive"));
  EXPECT_TRUE(eventually([&]() -> AssertionResult {
    const auto told = tell_to_leave(nodes[2]);
    return told.status == 0 ? AssertionSuccess() : AssertionFailure() << told.output;
  }));
  EXPECT_EQ(nodes[2].wait(5s), 0);
  EXPECT_TRUE(comes_to_show(nodes[1], "/counters/a", "6"));
}

TEST(Membership, NodeThatIsToldToLeaveTriesForAllTheTimeThatItHas) {
  cluster nodes{3,
                {"--gossip.interval=1h", "--gossip.prompt-delay=0s", "--gossip.leave-timeout=1min",
                 "--cluster.peer-timeout=300ms", short_suspicion}};
  ASSERT_TRUE(nodes.start());
  nodes[1].freeze();
  ASSERT_EQ(nodes[2].http().post("/counters/a", R"({"increment": 5})").status, 200);

  // A message to it fails long before it is dead for the others, and lacks nothing.
  const auto told = tell_to_leave(nodes[2]);

  EXPECT_EQ(told.status, 0) << told.output;
  EXPECT_EQ(nodes[2].wait(5s), 0);
  EXPECT_TRUE(comes_to_show(nodes[0], "/counters/a", "5"));
}

TEST(Membership, NodeThatIsToldToLeaveStaysIfItAloneHasWhatItWrote) {
  cluster nodes{2,
                {"--gossip.interval=1h", "--gossip.prompt-delay=0s", "--gossip.leave-timeout=10s",
                 "--cluster.peer-timeout=300ms", short_suspicion}};
  ASSERT_TRUE(nodes.start());
  nodes[1].freeze();
  ASSERT_EQ(nodes[0].http().post("/counters/a", R"({"increment": 5})").status, 200);

  const auto told = tell_to_leave(nodes[0]);

  EXPECT_EQ(told.status, 1) << told.output;
  EXPECT_TRUE(comes_to_be(nodes[0], nodes[1], "dead")) << "so it was not waited for";
  EXPECT_EQ(nodes[0].http().post("/counters/a", R"({"increment": 1})").status, 200);
}

// -- who is not found, or not taken for a member --

/// What a node says that should have found somebody, or been taken in.
struct said {
  std::string report;
  std::string ready;
  int ready_status;
  std::string metrics;
};

said said_by(const node& n) {
  const auto ready = n.http().get("/readyz");
  return {n.http().get("/cluster").body, ready.body, ready.status, n.http().get("/metrics").body};
}

std::size_t count_of(const std::string& what, const std::string& in) {
  std::size_t result = 0;
  for (auto at = in.find(what); at != std::string::npos; at = in.find(what, at + 1))
    ++result;
  return result;
}

/// Somebody who listens and never says a word, on 127.0.0.1.
class silent_stranger {
public:
  explicit silent_stranger(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const int on = 1;
    ::setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listens_ = ::bind(socket_, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0 &&
               ::listen(socket_, 16) == 0;
  }
  silent_stranger(const silent_stranger&) = delete;
  silent_stranger& operator=(const silent_stranger&) = delete;
  ~silent_stranger() { ::close(socket_); }

  bool listens() const { return listens_; }

private:
  int socket_;
  bool listens_ = false;
};

/// Whether the name localhost leads to an address of either family here, and both are there.
bool has_two_addresses_of_localhost() {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo("localhost", nullptr, &wanted, &found) != 0)
    return false;
  bool v4 = false;
  bool v6 = false;
  for (const auto* one = found; one != nullptr; one = one->ai_next) {
    v4 = v4 || one->ai_family == AF_INET;
    v6 = v6 || one->ai_family == AF_INET6;
  }
  ::freeaddrinfo(found);
  const int socket = ::socket(AF_INET6, SOCK_STREAM, 0);
  sockaddr_in6 where{};
  where.sin6_family = AF_INET6;
  where.sin6_addr = in6addr_loopback;
  v6 = v6 && ::bind(socket, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0;
  ::close(socket);
  return v4 && v6;
}

TEST(Membership, StrangerAtOneAddressOfASeedHidesNobody) {
  if (!has_two_addresses_of_localhost())
    GTEST_SKIP() << "localhost has one address only";
  cluster nodes{2};
  const auto port = nodes[0].peer_port().number();
  nodes[0].set_flag("--cluster.listen=[::1]:" + std::to_string(port));
  nodes[0].set_flag("--cluster.seeds=[]");
  nodes[1].set_flag("--cluster.listen=[::1]:" + std::to_string(nodes[1].peer_port().number()));
  nodes[1].set_flag("--cluster.seeds=[\"localhost:" + std::to_string(port) + "\"]");
  const silent_stranger stranger{port};
  ASSERT_TRUE(stranger.listens());

  ASSERT_TRUE(nodes[0].start());
  ASSERT_TRUE(nodes[1].start());

  EXPECT_TRUE(eventually([&]() -> AssertionResult {
    const auto shown = members_shown(nodes[1]);
    if (shown.size() == 1 && shown.front().state == "alive")
      return AssertionSuccess();
    return AssertionFailure() << nodes[1].http().get("/cluster").body;
  }));
}

TEST(Membership, NodeThatFindsNobodySaysSoOnceAndIsReady) {
  cluster nodes{1};
  const reserved_port nobody;
  const auto own = nodes[0].peer_port().address();
  nodes[0].set_flag("--cluster.seeds=[\"" + own + "\",\"" + nobody.address() + "\"]");
  ASSERT_TRUE(nodes[0].start());

  EXPECT_TRUE(eventually([&]() -> AssertionResult {
    const auto s = said_by(nodes[0]);
    if (s.report.find("\"isolated\": true") != std::string::npos && s.ready_status == 200 &&
        s.ready.find(own + " is this node") != std::string::npos &&
        s.ready.find(nobody.address() + ": cannot connect") != std::string::npos &&
        s.metrics.find("starling_swim_isolated 1") != std::string::npos)
      return AssertionSuccess();
    return AssertionFailure() << s.report << s.ready;
  }));
  EXPECT_TRUE(always(
      [&]() -> AssertionResult {
        const auto times = count_of("this node is alone", nodes[0].output());
        return times == 1 ? AssertionSuccess()
                          : AssertionFailure() << "it is said " << times << " times";
      },
      2s));
  EXPECT_EQ(nodes[0].http().post("/counters/a", R"({"increment": 1})").status, 200);
}

TEST(Membership, NodeWithAnotherKeyIsToldWhoRefusesItAndWhy) {
  cluster nodes{2, {"--cluster.key=the key of this cluster"}};
  nodes[1].set_flag("--cluster.key=the key of another cluster");
  ASSERT_TRUE(nodes[0].start());
  ASSERT_TRUE(nodes[1].start());
  const auto refuser = nodes[0].peer_port().address();

  EXPECT_TRUE(eventually([&]() -> AssertionResult {
    const auto s = said_by(nodes[1]);
    const auto named = "\"refused_by\": [{\"address\": \"" + refuser + "\"";
    if (s.report.find("\"isolated\": true") != std::string::npos &&
        s.report.find(named) != std::string::npos &&
        s.ready.find(refuser + " refuses this node") != std::string::npos &&
        s.metrics.find("starling_swim_refused_by 1") != std::string::npos)
      return AssertionSuccess();
    return AssertionFailure() << s.report << s.ready;
  }));
  EXPECT_NE(nodes[1].output().find(refuser + " refuses this node"), std::string::npos);
  EXPECT_NE(nodes[1].output().find("cluster.key differ"), std::string::npos);
}

TEST(Membership, NodeBehindAnAddressThatLeadsNowhereSaysSoAndIsNamed) {
  cluster nodes{3};
  const reserved_port nobody;
  nodes[2].set_flag("--cluster.advertise=" + nobody.address());
  for (const auto i : {0U, 1U, 2U})
    ASSERT_TRUE(nodes[i].start());

  EXPECT_TRUE(eventually(
      [&]() -> AssertionResult {
        const auto own = said_by(nodes[2]);
        const auto other = said_by(nodes[0]);
        const auto says = [](const std::string& text, const std::string& what) {
          return text.find(what) != std::string::npos;
        };
        const auto here = "nothing of theirs reaches it at " + nobody.address();
        const auto there = "nothing reaches " + nobody.address();
        if (says(own.ready, here) && says(own.report, here) &&
            says(own.metrics, "starling_swim_unreached 1") && says(other.ready, there) &&
            says(other.report, there) && says(other.report, R"("udp": false, "tcp": false)") &&
            says(other.metrics, "starling_swim_members_unreached 1"))
          return AssertionSuccess();
        return AssertionFailure() << own.report << other.report;
      },
      60s));
  EXPECT_EQ(count_of("nothing of theirs reaches it at", nodes[2].output()), 1u);
}

TEST(Membership, NodeThatOnceStartedFarAheadComesBackUnderAnotherId) {
  const folder files;
  cluster nodes{2};
  const std::string old = "000102030405060708090a0b0c0d0e0f";
  nodes[1].set_flag("--node.identity-file=" + files.file("identity"));
  std::ofstream{files.file("identity")} << "starling identity 1\nnode " << old
                                        << "\ngeneration 4000000000000\n";

  ASSERT_TRUE(nodes.start());

  EXPECT_NE(members_shown(nodes[0]).front().id, old);
  EXPECT_NE(nodes[1].output().find("swim.clock-tolerance"), std::string::npos);
  EXPECT_EQ(nodes[1].http().post("/counters/a", R"({"increment": 1})").status, 200);
  EXPECT_TRUE(nodes.all_come_to_show("/counters/a", "1"));
}

TEST(Membership, NodeMayComeBackAfterItLeft) {
  const folder files;
  cluster nodes{3};
  nodes[2].set_flag("--node.identity-file=" + files.file("identity"));
  ASSERT_TRUE(nodes.start());
  ASSERT_EQ(tell_to_leave(nodes[2]).status, 0);
  ASSERT_EQ(nodes[2].wait(5s), 0);

  ASSERT_TRUE(nodes[2].start());

  EXPECT_TRUE(eventually([&] { return nodes.is_whole(); }));
}

TEST(Membership, OrderToLeaveNeedsTheKeyAndANode) {
  cluster nodes{1, {"--cluster.key=the key of this cluster"}};
  ASSERT_TRUE(nodes.start());
  std::vector<std::string> command{STARLINGD_PATH, "leave",
                                   "--cluster.listen=" + nodes[0].peer_port().address()};

  const auto foreign = run(command);
  EXPECT_EQ(foreign.status, 1);
  EXPECT_NE(foreign.output.find("cluster.name or cluster.key differ"), std::string::npos)
      << foreign.output;
  EXPECT_TRUE(nodes[0].is_running());

  const reserved_port nobody;
  command.back() = "--cluster.listen=" + nobody.address();
  const auto alone = run(command);
  EXPECT_EQ(alone.status, 1);
  EXPECT_NE(alone.output.find("cannot reach the node at"), std::string::npos) << alone.output;

  EXPECT_EQ(tell_to_leave(nodes[0]).status, 0);
  EXPECT_EQ(nodes[0].wait(5s), 0);
}

TEST(Membership, StopSignalIsNoLeave) {
  cluster nodes{2};
  ASSERT_TRUE(nodes.start());

  ASSERT_EQ(nodes[1].stop(SIGTERM, 3s), 0);

  EXPECT_TRUE(comes_to_be(nodes[0], nodes[1], "dead"));
}

TEST(Membership, NobodyHealthyIsDeclaredDeadWhenOneStandsStill) {
  cluster nodes{3};
  ASSERT_TRUE(nodes.start());

  nodes[2].freeze();
  std::this_thread::sleep_for(3s);
  nodes[2].thaw();

  EXPECT_TRUE(always(
      [&]() -> AssertionResult {
        for (auto& one : nodes.nodes())
          for (const auto& other : {&nodes[0], &nodes[1]})
            if (one.output().find(other->name() + " at " + other->peer_port().address() +
                                  " is dead") != std::string::npos)
              return AssertionFailure() << one.name() << " wrote:\n" << one.output();
        return AssertionSuccess();
      },
      3s));
  EXPECT_TRUE(eventually([&] { return nodes.is_whole(); }));
}

} // namespace
} // namespace starling::e2e
