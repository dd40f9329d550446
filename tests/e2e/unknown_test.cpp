// What a later version wrote, here one that has two types more, among nodes that do not know it:
// they keep it, say so, and serve all else.

#include "tests/e2e/cluster.hpp"
#include "tests/e2e/eventually.hpp"
#include "tests/e2e/later_version.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace starling::e2e {
namespace {

using namespace std::chrono_literals;
using storage::temporary_folder;
using testing::AssertionResult;

constexpr int highs = 20;
constexpr int unknown_keys = highs + 1;

/// Keys of both types that the present version does not know; one of them has rows.
void write_unknown(const node& n) {
  for (int i = 0; i < highs; ++i)
    EXPECT_EQ(n.http().put("/highs/" + std::to_string(i), R"({"value": 7})").status, 200);
  EXPECT_EQ(n.http().post("/boards/b", R"({"put": {"ann": 5, "bob": 7}})").status, 200);
}

AssertionResult has_unknown(const node& n) {
  for (int i = 0; i < highs; ++i)
    if (const auto r = n.http().get("/highs/" + std::to_string(i)); r.body != "{\"value\": 7}\n")
      return testing::AssertionFailure() << n.name() << ": " << i << ' ' << r.status << r.body;
  if (const auto r = n.http().get("/boards/b");
      r.body.find(R"("scores": {"ann": 5, "bob": 7})") == std::string::npos)
    return testing::AssertionFailure() << n.name() << ": " << r.status << r.body;
  return testing::AssertionSuccess();
}

void write_known(const node& n, const std::string& name) {
  EXPECT_EQ(n.http().post("/counters/" + name, R"({"increment": 3})").status, 200);
  EXPECT_EQ(n.http().put("/registers/" + name, R"({"value": "x"})").status, 200);
  EXPECT_EQ(n.http().post("/sets/" + name, R"({"add": ["a", "b"]})").status, 200);
}

AssertionResult has_known(const node& n, const std::string& name) {
  for (const auto& [target, what] :
       {std::pair{"/counters/", "3"}, {"/registers/", "\"x\""}, {"/sets/", R"(["a","b"])"}})
    if (auto seen = shows(n, target + name, what); !seen)
      return seen;
  return testing::AssertionSuccess();
}

std::string metric(const node& n, const std::string& name) {
  const auto page = n.http().get("/metrics").body;
  const auto at = page.find('\n' + name + ' ');
  if (at == std::string::npos)
    return "";
  const auto begin = at + name.size() + 2;
  return page.substr(begin, page.find('\n', begin) - begin);
}

class Unknown : public testing::Test {
protected:
  explicit Unknown(std::size_t nodes = 1) : nodes_{nodes, {"--storage.retry-interval=300ms"}} {
    nodes_.keep_data_below(folder_.path());
  }

  void restart_as(void (*version)(e2e::node&)) {
    ASSERT_EQ(node().stop(SIGTERM, 10s), 0);
    version(node());
    ASSERT_TRUE(node().start());
  }

  void order_rebuild() {
    ASSERT_EQ(node().stop(SIGTERM, 10s), 0);
    std::ofstream{folder_ / node().name() + "/damaged"} << "a test says so\n";
    ASSERT_TRUE(node().start());
    EXPECT_NE(node().output().find("rows are rebuilt"), std::string::npos) << node().output();
  }

  void expect_served() {
    EXPECT_TRUE(has_known(node(), "before"));
    EXPECT_EQ(node().http().get("/highs/1").status, 404);
    EXPECT_EQ(node().http().get("/keys").status, 200);
    EXPECT_EQ(metric(node(), "starling_keys_unknown"), std::to_string(unknown_keys));
    const auto warning =
        std::to_string(unknown_keys) + " keys on the disk are of a type or a format";
    for (const auto* page : {"/readyz", "/cluster"}) {
      const auto r = node().http().get(page);
      EXPECT_EQ(r.status, 200);
      EXPECT_NE(r.body.find(warning), std::string::npos) << r.body;
    }
    EXPECT_NE(node().output().find(warning), std::string::npos) << node().output();
  }

  e2e::node& node() { return nodes_[0]; }

  const temporary_folder folder_;
  cluster nodes_;
};

TEST_F(Unknown, KeysOnTheDiskAreKeptWhileAllOthersAreServed) {
  be_later(node());
  ASSERT_TRUE(node().start());
  write_unknown(node());
  write_known(node(), "before");

  restart_as(be_present);
  expect_served();
  write_known(node(), "after");
  order_rebuild();
  expect_served();
  EXPECT_TRUE(has_known(node(), "after"));

  restart_as(be_later);
  EXPECT_TRUE(has_unknown(node()));
  EXPECT_TRUE(has_known(node(), "before"));
  EXPECT_TRUE(has_known(node(), "after"));
  EXPECT_EQ(metric(node(), "starling_keys_unknown"), "0");
}

TEST_F(Unknown, KeysOnTheDiskOutliveAChangeOfTheClustersKey) {
  be_later(node());
  ASSERT_TRUE(node().start());
  write_unknown(node());
  write_known(node(), "before");

  node().set_flag("--cluster.key=0123456789abcdef");
  restart_as(be_present);
  expect_served();
  restart_as(be_later);
  EXPECT_TRUE(has_unknown(node()));
  EXPECT_TRUE(has_known(node(), "before"));
  EXPECT_EQ(node().output().find("is not what was written"), std::string::npos) << node().output();
}

class UnknownInACluster : public Unknown {
protected:
  UnknownInACluster() : Unknown(3) {
    be_later(nodes_[0]);
    be_later(nodes_[1]);
  }

  AssertionResult all_have(const std::string& name) {
    return eventually([&] {
      for (const auto& one : nodes_.nodes())
        if (auto seen = has_known(one, name); !seen)
          return seen;
      return testing::AssertionSuccess();
    });
  }
};

TEST_F(UnknownInACluster, KeysDoNotHoldUpTheOthers) {
  ASSERT_TRUE(nodes_.start());
  write_unknown(nodes_[0]);
  write_known(nodes_[0], "from-new");
  write_known(nodes_[2], "from-old");
  write_unknown(nodes_[1]);

  EXPECT_TRUE(all_have("from-new"));
  EXPECT_TRUE(all_have("from-old"));
  EXPECT_TRUE(eventually([&] { return has_unknown(nodes_[0]); }));
  EXPECT_TRUE(eventually([&] { return has_unknown(nodes_[1]); }));
}

/// What nodes have compared, found and sent so far, and what they have skipped.
std::vector<std::string> done_so_far(cluster& all) {
  std::vector<std::string> result;
  for (const auto& one : all.nodes())
    for (const auto* name :
         {"starling_gossip_repairs_started_total", "starling_gossip_repairs_found_total",
          "starling_gossip_items_sent_total", "starling_gossip_items_skipped_total"})
      result.push_back(metric(one, name));
  return result;
}

TEST_F(UnknownInACluster, RepairEnds) {
  ASSERT_TRUE(nodes_.start());
  write_unknown(nodes_[0]);
  write_known(nodes_[2], "from-old");
  ASSERT_TRUE(all_have("from-old"));
  ASSERT_TRUE(eventually([&] { return has_unknown(nodes_[1]); }));
  // The one that does not know them starts anew, so that all keys are compared.
  ASSERT_EQ(nodes_[2].stop(SIGTERM, 10s), 0);
  write_known(nodes_[0], "meanwhile");
  ASSERT_TRUE(nodes_[2].start());
  ASSERT_TRUE(all_have("meanwhile"));

  // Nothing more happens for longer than it takes to compare everything again.
  EXPECT_TRUE(eventually([&] {
    const auto now = done_so_far(nodes_);
    std::this_thread::sleep_for(3s);
    return done_so_far(nodes_) == now ? testing::AssertionSuccess()
                                      : testing::AssertionFailure() << "it goes on";
  }));
  for (const auto& one : nodes_.nodes()) {
    EXPECT_NE(one.http().get("/cluster").body.find("\"peers_behind\": 0"), std::string::npos);
    EXPECT_EQ(metric(one, "starling_gossip_items_skipped_total"), "0") << "is not sent at all";
  }
}

class RollingUpdate : public Unknown {
protected:
  RollingUpdate() : Unknown(3) {}
};

TEST_F(RollingUpdate, NodesOfTwoVersionsAreOneCluster) {
  ASSERT_TRUE(nodes_.start());
  write_known(nodes_[0], "before");
  for (std::size_t i = 0; i < 3; ++i) {
    for (const auto& one : nodes_.nodes())
      EXPECT_TRUE(eventually([&] { return has_known(one, "before"); }));
    const auto all = nodes_[2].http().get("/cluster").body;
    EXPECT_NE(all.find(R"("all_members": {"protocol": {"oldest": 5, "newest": 5})"),
              std::string::npos)
        << all;
    EXPECT_NE(all.find(R"("refuses": [], "warnings": [])"), std::string::npos) << all;
    ASSERT_EQ(nodes_[i].stop(SIGTERM, 10s), 0);
    be_later(nodes_[i]);
    ASSERT_TRUE(nodes_[i].start());
    write_known(nodes_[i], "by-" + std::to_string(i));
    for (const auto& one : nodes_.nodes())
      EXPECT_TRUE(eventually([&] { return has_known(one, "by-" + std::to_string(i)); }));
  }
  EXPECT_TRUE(eventually([&] {
    const auto all = nodes_[0].http().get("/cluster").body;
    return all.find(
               R"("all_members": {"protocol": {"oldest": 5, "newest": 6}, )"
               R"("reads": {"counter": 1, "register": 1, "set": 1, "high": 1, "board": 1}})") !=
                   std::string::npos
               ? testing::AssertionSuccess()
               : testing::AssertionFailure() << all;
  }));
  write_unknown(nodes_[0]);
  EXPECT_TRUE(eventually([&] { return has_unknown(nodes_[2]); }));
}

TEST_F(UnknownInACluster, KeysKeepTheLastNodeThatHasThemFromLeaving) {
  be_present(nodes_[1]);
  nodes_[0].set_flag("--gossip.leave-timeout=500ms");
  ASSERT_TRUE(nodes_.start());
  write_unknown(nodes_[0]);
  write_known(nodes_[0], "from-new");
  ASSERT_TRUE(all_have("from-new"));

  const auto refused = tell_to_leave(nodes_[0]);
  EXPECT_EQ(refused.status, 1) << refused.output;
  EXPECT_NE(refused.output.find("cannot read"), std::string::npos) << refused.output;
  restart_as(be_present);
  EXPECT_EQ(tell_to_leave(nodes_[0]).status, 1) << "it cannot read them itself";

  restart_as(be_later);
  ASSERT_EQ(nodes_[1].stop(SIGTERM, 10s), 0);
  be_later(nodes_[1]);
  ASSERT_TRUE(nodes_[1].start());
  EXPECT_TRUE(eventually([&]() -> AssertionResult {
    const auto told = tell_to_leave(nodes_[0]);
    return told.status == 0 ? testing::AssertionSuccess()
                            : testing::AssertionFailure() << told.output;
  }));
  EXPECT_EQ(nodes_[0].wait(5s), 0);
  EXPECT_TRUE(has_unknown(nodes_[1]));
}

TEST_F(UnknownInACluster, KeysComeBackFromThoseThatKnowThem) {
  nodes_[0].launch();
  nodes_[2].launch();
  ASSERT_TRUE(nodes_[0].wait_until_ready());
  ASSERT_TRUE(nodes_[2].wait_until_ready());
  write_unknown(nodes_[0]);
  write_known(nodes_[2], "from-old");
  ASSERT_TRUE(eventually([&] { return has_known(nodes_[0], "from-old"); }));

  ASSERT_TRUE(nodes_[1].start()); // behind both, so its keys are compared with theirs
  EXPECT_TRUE(eventually([&] { return has_unknown(nodes_[1]); }));
  EXPECT_TRUE(all_have("from-old"));
}

} // namespace
} // namespace starling::e2e
