// Nodes whose rows are set back in place, to an earlier moment of the same life: nothing on the
// disk shows that, so only the others can tell.

#include "membership/remembered.hpp"
#include "storage/disk/members_file.hpp"
#include "tests/e2e/cluster.hpp"
#include "tests/e2e/eventually.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <csignal>
#include <filesystem>
#include <thread>

namespace starling::e2e {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class SetBack : public ::testing::Test {
protected:
  SetBack() { nodes.keep_data_below(folder.path()); }

  std::string rows_of(const node& n) const { return folder / n.name() + "/rows"; }

  void increment(const node& n, int by) {
    EXPECT_EQ(
        n.http().post("/counters/visitors", "{\"increment\": " + std::to_string(by) + "}").status,
        200);
  }

  void add(const node& n, const std::string& member) {
    EXPECT_EQ(n.http().post("/sets/fruits", R"({"add": [")" + member + "\"]}").status, 200);
  }

  /// Whether a node has written down of all others that they had all.
  testing::AssertionResult notes_all_others(const node& n) const {
    const auto read = membership::decode_remembered(storage::kept_members(folder / n.name()));
    const auto* members = std::get_if<std::vector<membership::remembered_member>>(&read);
    if (members != nullptr && membership::holders_among(*members).size() == nodes.size() - 1)
      return testing::AssertionSuccess();
    return testing::AssertionFailure() << n.name() << " does not know who had all";
  }

  /// As a snapshot of a volume does.
  void take_snapshot(node& n) {
    n.freeze();
    fs::copy(rows_of(n), folder / "snapshot", fs::copy_options::recursive);
    n.thaw();
  }

  /// The folder and its files stay what they are, but for what is in them.
  void set_back(node& n) {
    n.crash();
    fs::remove_all(rows_of(n));
    fs::copy(folder / "snapshot", rows_of(n), fs::copy_options::recursive);
  }

  storage::temporary_folder folder;
  cluster nodes{3};
};

TEST_F(SetBack, NodeIsToldByItsPeersBeforeItNumbersAnything) {
  ASSERT_TRUE(nodes.start());
  increment(nodes[2], 10);
  add(nodes[2], "first");
  ASSERT_TRUE(nodes.all_come_to_show("/counters/visitors", "10"));
  take_snapshot(nodes[2]);
  increment(nodes[2], 5);
  add(nodes[2], "second");
  ASSERT_TRUE(nodes.all_come_to_show("/counters/visitors", "15"));
  ASSERT_TRUE(nodes.all_come_to_show("/sets/fruits", R"(["first","second"])"));
  const auto before = replica_id(nodes[2]);

  set_back(nodes[2]);
  ASSERT_TRUE(nodes[2].start());
  increment(nodes[2], 3);
  add(nodes[2], "third");

  EXPECT_NE(replica_id(nodes[2]), before);
  EXPECT_NE(nodes[2].output().find("under a new replica id"), std::string::npos);
  EXPECT_TRUE(nodes.all_come_to_show("/counters/visitors", "18"));
  EXPECT_TRUE(nodes.all_come_to_show("/sets/fruits", R"(["first","second","third"])"));
}

TEST_F(SetBack, NodeIsToldByOneWhoHeardOfItFromAnother) {
  ASSERT_TRUE(nodes.start());
  increment(nodes[2], 10);
  ASSERT_TRUE(nodes.all_come_to_show("/counters/visitors", "10"));
  take_snapshot(nodes[2]);
  nodes[0].freeze(); // it hears of what follows from the other only
  increment(nodes[2], 5);
  ASSERT_TRUE(comes_to_show(nodes[1], "/counters/visitors", "15"));
  set_back(nodes[2]);
  nodes[0].thaw();
  ASSERT_TRUE(comes_to_show(nodes[0], "/counters/visitors", "15"));
  nodes[1].crash();

  ASSERT_TRUE(nodes[2].start());
  increment(nodes[2], 3);
  EXPECT_TRUE(comes_to_show(nodes[0], "/counters/visitors", "18"));
  ASSERT_TRUE(nodes[1].start());
  EXPECT_TRUE(nodes.all_come_to_show("/counters/visitors", "18"));
}

TEST_F(SetBack, NodeWhomNobodyAnswersNumbersAnew) {
  ASSERT_TRUE(nodes.start());
  increment(nodes[2], 10);
  ASSERT_TRUE(nodes.all_come_to_show("/counters/visitors", "10"));
  take_snapshot(nodes[2]);
  increment(nodes[2], 5);
  ASSERT_TRUE(nodes.all_come_to_show("/counters/visitors", "15"));
  nodes[0].crash();
  nodes[1].crash();

  set_back(nodes[2]);
  ASSERT_TRUE(nodes[2].start());
  increment(nodes[2], 3);
  EXPECT_TRUE(shows(nodes[2], "/counters/visitors", "13"));
  ASSERT_TRUE(nodes[0].start());
  ASSERT_TRUE(nodes[1].start());
  EXPECT_TRUE(nodes.all_come_to_show("/counters/visitors", "18"));
}

TEST_F(SetBack, NodeDoesNotBelieveOneWhoHasLostWhatItKnew) {
  ASSERT_TRUE(nodes.start());
  increment(nodes[2], 10);
  add(nodes[2], "first");
  ASSERT_TRUE(nodes.all_come_to_show("/counters/visitors", "10"));
  ASSERT_TRUE(eventually([&] { return notes_all_others(nodes[2]); }));
  take_snapshot(nodes[2]);
  increment(nodes[2], 5);
  add(nodes[2], "second");
  ASSERT_TRUE(nodes.all_come_to_show("/counters/visitors", "15"));
  ASSERT_TRUE(nodes.all_come_to_show("/sets/fruits", R"(["first","second"])"));
  const auto before = replica_id(nodes[2]);

  nodes[0].crash(); // which alone knows better then
  set_back(nodes[2]);
  nodes[1].crash();
  fs::remove_all(rows_of(nodes[1]));
  ASSERT_TRUE(nodes[1].start());
  ASSERT_TRUE(nodes[2].start());
  increment(nodes[2], 3);
  add(nodes[2], "third");

  EXPECT_NE(replica_id(nodes[2]), before);
  ASSERT_TRUE(nodes[0].start());
  EXPECT_TRUE(nodes.all_come_to_show("/counters/visitors", "18"));
  EXPECT_TRUE(nodes.all_come_to_show("/sets/fruits", R"(["first","second","third"])"));
}

TEST_F(SetBack, NodeThatWasNotKeepsItsId) {
  ASSERT_TRUE(nodes.start());
  increment(nodes[2], 10);
  ASSERT_TRUE(eventually([&] { return notes_all_others(nodes[2]); }));
  const auto before = replica_id(nodes[2]);
  nodes[2].crash();
  ASSERT_TRUE(nodes[2].start());
  increment(nodes[2], 5);
  EXPECT_EQ(replica_id(nodes[2]), before);
  EXPECT_TRUE(nodes.all_come_to_show("/counters/visitors", "15"));
}

TEST_F(SetBack, NodesThatStartTogetherKeepTheirIds) {
  nodes[0].set_flag("--node.confirm-timeout=20s"); // for a loaded machine
  nodes[1].set_flag("--node.confirm-timeout=20s");
  nodes[2].set_flag("--node.confirm-timeout=20s");
  ASSERT_TRUE(nodes.start());
  std::vector<std::string> before;
  for (const auto& one : nodes.nodes()) {
    increment(one, 1);
    before.push_back(replica_id(one));
  }
  ASSERT_TRUE(nodes.all_come_to_show("/counters/visitors", "3"));
  for (const auto& one : nodes.nodes())
    ASSERT_TRUE(eventually([&] { return notes_all_others(one); }));
  for (auto& one : nodes.nodes())
    one.crash();
  for (auto& one : nodes.nodes())
    one.launch();
  for (auto& one : nodes.nodes())
    ASSERT_TRUE(one.wait_until_ready());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    increment(nodes[i], 1);
    EXPECT_EQ(replica_id(nodes[i]), before[i]);
  }
  EXPECT_TRUE(nodes.all_come_to_show("/counters/visitors", "6"));
}

TEST_F(SetBack, NodeThatNobodyWritesToPaysNothingForBeingAlone) {
  ASSERT_TRUE(nodes.start());
  increment(nodes[2], 10);
  ASSERT_TRUE(nodes.all_come_to_show("/counters/visitors", "10"));
  const auto before = replica_id(nodes[2]);
  for (auto& one : nodes.nodes())
    one.crash();
  for (int i = 0; i < 2; ++i) {
    nodes[2].set_flag("--node.confirm-timeout=100ms");
    ASSERT_TRUE(nodes[2].start());
    EXPECT_TRUE(eventually([&] {
      const auto report = nodes[2].http().get("/cluster").body;
      return report.find(R"("replica_state": "doubtful")") != std::string::npos
                 ? testing::AssertionSuccess()
                 : testing::AssertionFailure() << report;
    }));
    EXPECT_EQ(replica_id(nodes[2]), before);
    const auto ready = nodes[2].http().get("/readyz");
    EXPECT_EQ(ready.status, 200);
    for (const auto* silent : {&nodes[0], &nodes[1]})
      EXPECT_NE(ready.body.find(silent->peer_port().address(), ready.body.find("no answer from ")),
                std::string::npos)
          << ready.body;
    EXPECT_NE(nodes[2].http().get("/metrics").body.find("starling_storage_replica_uncertain 1\n"),
              std::string::npos);
    nodes[2].crash();
  }
}

TEST_F(SetBack, NodeWithoutSeedsFindsThoseAgainWhoJoinedThroughIt) {
  nodes[2].set_flag("--cluster.seeds=[]");
  nodes[0].set_flag("--cluster.seeds=[\"" + nodes[2].peer_port().address() + "\"]");
  nodes[1].set_flag("--cluster.seeds=[\"" + nodes[2].peer_port().address() + "\"]");
  ASSERT_TRUE(nodes.start());
  std::this_thread::sleep_for(3s); // members are written down every two seconds
  nodes[2].crash();
  // The others do not look for their seed again before long, nor for the dead.
  for (auto* one : {&nodes[0], &nodes[1]}) {
    one->set_flag("--swim.seed-interval=1h");
    one->set_flag("--swim.dead-probe-interval=1h");
    one->set_flag("--cluster.seeds=[\"" + nodes[0].peer_port().address() + "\"]");
    one->crash();
    ASSERT_TRUE(one->start());
  }
  ASSERT_TRUE(nodes[2].start());
  EXPECT_TRUE(eventually([&] { return nodes.is_whole(); }));
}

} // namespace
} // namespace starling::e2e
