// Copies of what a node keeps, made while it serves, and nodes that are started on them.

#include "tests/e2e/cluster.hpp"
#include "tests/e2e/eventually.hpp"

#include <atomic>
#include <csignal>
#include <filesystem>
#include <thread>
#include <unistd.h>

namespace starling::e2e {
namespace {

using namespace std::chrono_literals;
using testing::AssertionFailure;
using testing::AssertionResult;
using testing::AssertionSuccess;

class Backup : public testing::Test {
protected:
  Backup() : path_(testing::TempDir() + "starling_backup_" + std::to_string(getpid())) {
    std::filesystem::create_directory(path_);
  }
  ~Backup() override { std::filesystem::remove_all(path_); }

  std::string at(const std::string& name) const { return path_ + "/" + name; }

  /// Gives a node a data folder.
  void give_disk(node& n, const std::string& name) const { n.set_flag("--data-dir=" + at(name)); }

  /// What `starlingd backup` does with a node's own options.
  static outcome back_up(const node& n, const std::string& folder) {
    std::vector<std::string> command{STARLINGD_PATH, "backup", folder};
    for (const auto& argument : n.arguments())
      command.push_back(argument);
    return run(command);
  }

private:
  std::string path_;
};

std::string register_of(int number) {
  return "/registers/" + std::to_string(number);
}

/// Writes registers, numbered from 0, until it goes.
class writer {
public:
  explicit writer(const node& to)
      : thread_([this, http = to.http()] {
          for (int i = 0; !ends_; ++i) {
            const auto body = "{\"value\": " + std::to_string(i) + "}";
            if (http.put(register_of(i), body).status != 200)
              ++failures_;
            acknowledged_ = i + 1;
          }
        }) {}
  ~writer() {
    ends_ = true;
    thread_.join();
  }

  int acknowledged() const { return acknowledged_; }
  int failures() const { return failures_; }

private:
  std::atomic<bool> ends_ = false;
  std::atomic<int> acknowledged_ = 0;
  std::atomic<int> failures_ = 0;
  std::thread thread_;
};

AssertionResult comes_to_write(const writer& w, int count) {
  return eventually([&]() -> AssertionResult {
    if (w.acknowledged() >= count)
      return AssertionSuccess();
    return AssertionFailure() << w.acknowledged() << " writes are acknowledged, not " << count;
  });
}

TEST_F(Backup, HoldsEveryWriteThatWasAcknowledgedBefore) {
  cluster nodes{1};
  give_disk(nodes[0], "data");
  ASSERT_TRUE(nodes.start());
  ASSERT_EQ(nodes[0].http().post("/counters/a", R"({"increment": 5})").status, 200);
  ASSERT_EQ(nodes[0].http().post("/sets/s", R"({"add": ["x", "y"]})").status, 200);
  int before = 0;
  {
    const writer load{nodes[0]};
    ASSERT_TRUE(comes_to_write(load, 100));
    before = load.acknowledged();

    const auto told = back_up(nodes[0], at("copy"));

    EXPECT_EQ(told.status, 0) << told.output;
    EXPECT_NE(told.output.find("has made a backup in " + at("copy")), std::string::npos)
        << told.output;
    EXPECT_TRUE(comes_to_write(load, load.acknowledged() + 50)) << "the original goes on";
    EXPECT_EQ(load.failures(), 0);
  }

  cluster restored{1};
  give_disk(restored[0], "copy");
  ASSERT_TRUE(restored.start());
  EXPECT_TRUE(shows(restored[0], "/counters/a", "5"));
  EXPECT_TRUE(shows(restored[0], "/sets/s", R"(["x","y"])"));
  for (int i = 0; i < before; ++i)
    ASSERT_TRUE(shows(restored[0], register_of(i), std::to_string(i)));
  EXPECT_NE(restored[0].output().find("are a backup"), std::string::npos) << restored[0].output();
  EXPECT_EQ(restored[0].http().post("/counters/a", R"({"increment": 1})").status, 200);
  EXPECT_TRUE(shows(nodes[0], "/counters/a", "5")) << "they have nothing in common any more";
}

TEST_F(Backup, TakesThePlaceOfTheOriginalInItsCluster) {
  cluster nodes{3};
  for (auto& one : nodes.nodes())
    give_disk(one, one.name());
  ASSERT_TRUE(nodes.start());
  ASSERT_EQ(nodes[0].http().post("/counters/a", R"({"increment": 5})").status, 200);
  ASSERT_TRUE(nodes.all_come_to_show("/counters/a", "5"));
  ASSERT_EQ(back_up(nodes[0], at("copy")).status, 0);
  // Under numbers that the backup knows nothing of.
  ASSERT_EQ(nodes[0].http().post("/counters/a", R"({"increment": 10})").status, 200);
  ASSERT_EQ(nodes[0].http().post("/sets/s", R"({"add": ["late"]})").status, 200);
  ASSERT_TRUE(nodes.all_come_to_show("/counters/a", "15"));
  ASSERT_TRUE(nodes.all_come_to_show("/sets/s", R"(["late"])"));
  const auto id = nodes[0].http().get("/cluster").json().at("self").at("node");
  nodes[0].crash();

  std::filesystem::remove_all(at("node-0"));
  std::filesystem::rename(at("copy"), at("node-0"));
  ASSERT_TRUE(nodes[0].start());
  ASSERT_EQ(nodes[0].http().post("/counters/a", R"({"increment": 100})").status, 200);
  ASSERT_EQ(nodes[0].http().post("/sets/s", R"({"add": ["new"]})").status, 200);

  EXPECT_TRUE(nodes.all_come_to_show("/counters/a", "115"));
  EXPECT_TRUE(nodes.all_come_to_show("/sets/s", R"(["late","new"])"));
  EXPECT_TRUE(eventually([&] { return nodes.is_whole(); }));
  EXPECT_EQ(nodes[0].http().get("/cluster").json().at("self").at("node"), id);
  EXPECT_EQ(members_shown(nodes[1]).size(), 2u) << "it is the same member";
}

TEST_F(Backup, RunsBesideTheOriginalAsAnotherMember) {
  cluster nodes{3};
  give_disk(nodes[0], "data");
  give_disk(nodes[2], "copy");
  ASSERT_TRUE(nodes[0].start());
  ASSERT_TRUE(nodes[1].start());
  ASSERT_EQ(nodes[0].http().post("/counters/a", R"({"increment": 5})").status, 200);
  ASSERT_EQ(back_up(nodes[0], at("copy")).status, 0);

  ASSERT_TRUE(nodes[2].start());

  EXPECT_TRUE(eventually([&] { return nodes.is_whole(); }));
  EXPECT_EQ(nodes[0].http().post("/counters/a", R"({"increment": 10})").status, 200);
  EXPECT_EQ(nodes[2].http().post("/counters/a", R"({"increment": 100})").status, 200);
  EXPECT_TRUE(nodes.all_come_to_show("/counters/a", "115"));
}

TEST_F(Backup, IsRefusedWithAReason) {
  cluster nodes{2, {"--cluster.key=the key of this cluster"}};
  give_disk(nodes[0], "data");
  ASSERT_TRUE(nodes.start());
  const auto expect_refusal = [](const outcome& told, const std::string& why) {
    EXPECT_EQ(told.status, 1) << told.output;
    EXPECT_NE(told.output.find(why), std::string::npos) << told.output;
  };

  expect_refusal(back_up(nodes[0], at("data")), at("data") + " exists already");
  expect_refusal(back_up(nodes[0], at("no/copy")), "cannot make a folder in " + at("no"));
  expect_refusal(back_up(nodes[1], at("copy")), "this node is in memory only");
  expect_refusal(run({STARLINGD_PATH, "backup", at("copy"),
                      "--cluster.listen=" + nodes[0].peer_port().address()}),
                 "cluster.name or cluster.key differ");
  const reserved_port nobody;
  expect_refusal(
      run({STARLINGD_PATH, "backup", at("copy"), "--cluster.listen=" + nobody.address()}),
      "there is no answer from the node at");
  expect_refusal(run({STARLINGD_PATH, "backup"}), "backup needs a folder");

  EXPECT_FALSE(std::filesystem::exists(at("copy")));
  EXPECT_EQ(back_up(nodes[0], at("copy")).status, 0) << "after all that";
}

TEST_F(Backup, OfARelativePathIsMadeInTheWorkingDirectory) {
  cluster nodes{1};
  give_disk(nodes[0], "data");
  ASSERT_TRUE(nodes.start());
  std::string line = "cd " + at("") + " && " STARLINGD_PATH " backup copy";
  for (const auto& argument : nodes[0].arguments())
    line += " '" + argument + "'";

  const auto told = run_in_shell(line);

  EXPECT_EQ(told.status, 0) << told.output;
  EXPECT_TRUE(std::filesystem::exists(at("copy/format")));
}

} // namespace
} // namespace starling::e2e
