// Bytes that are flipped on the disk of a node: what it cannot read any more comes back from the
// others, and until then nobody is told that it was not there.

#include "tests/e2e/cluster.hpp"
#include "tests/e2e/eventually.hpp"
#include "tests/e2e/growth.hpp"
#include "tests/storage/disk/flip.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

namespace starling::e2e {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using storage::flip;
using storage::temporary_folder;
using testing::AssertionResult;

std::vector<fs::path> files_of_rows(const std::string& data) {
  std::vector<fs::path> result;
  for (const auto& entry : fs::directory_iterator{data + "/rows"})
    if (entry.path().extension() == ".sst")
      result.push_back(entry.path());
  std::ranges::sort(result);
  return result;
}

AssertionResult comes_to_say(const node& n, const std::string& what) {
  return eventually([&]() -> AssertionResult {
    if (n.output().find(what) != std::string::npos)
      return testing::AssertionSuccess();
    return testing::AssertionFailure() << n.name() << " never said: " << what;
  });
}

TEST(Damage, IsMendedByTheOthersAndLosesNothing) {
  const auto seed = std::random_device{}();
  std::mt19937 random{seed};
  SCOPED_TRACE("seed " + std::to_string(seed));
  const temporary_folder folder;
  cluster nodes{3, {"--storage.retry-interval=300ms"}};
  nodes.keep_data_below(folder.path());
  ASSERT_TRUE(nodes.start());
  tally told;
  {
    growth load{nodes.nodes()};
    std::this_thread::sleep_for(2s);
    load.end();
    told.add(load.through_all());
  }
  ASSERT_TRUE(eventually([&] { return nodes.all_are_equal(); }));
  const auto id = replica_id(nodes[2]);
  ASSERT_EQ(nodes[2].stop(SIGTERM, 10s), 0);
  ASSERT_TRUE(nodes[2].start()); // which moves what it wrote from its log into files of rows
  ASSERT_EQ(nodes[2].stop(SIGTERM, 10s), 0);
  const auto files = files_of_rows(folder / nodes[2].name());
  ASSERT_FALSE(files.empty());
  for (int i = 0; i < 4; ++i) {
    const auto& file = files[random() % files.size()];
    flip(file, random() % fs::file_size(file));
  }

  nodes[2].launch();
  growth load{nodes.nodes()};
  EXPECT_TRUE(comes_to_say(nodes[2], "rows are rebuilt"));
  EXPECT_TRUE(nodes[2].wait_until_ready());
  std::this_thread::sleep_for(500ms);
  load.end();
  told.add(load.through_all());

  EXPECT_NE(replica_id(nodes[2]), id) << "what it numbered last may be lost";
  EXPECT_TRUE(eventually([&] { return nodes.all_are_equal(); }));
  for (const auto& one : nodes.nodes()) {
    EXPECT_TRUE(holds(one, told));
    EXPECT_TRUE(counts_exactly(one, told));
  }
  EXPECT_GE(told.acknowledged, 1000u) << "this was no load";
}

/// Two nodes that both have a set; the second one was restarted, so it has rows in a file, and
/// newer ones in its log, when it is killed.
class DamagedStart : public testing::Test {
protected:
  DamagedStart() { nodes_.keep_data_below(folder_.path()); }

  void live_and_kill() {
    ASSERT_TRUE(nodes_.start());
    for (int i = 0; i < 20; ++i)
      add("before-" + std::to_string(i));
    ASSERT_TRUE(eventually([&] { return nodes_.all_are_equal(); }));
    ASSERT_EQ(nodes_[1].stop(SIGTERM, 10s), 0);
    ASSERT_TRUE(nodes_[1].start());
    for (int i = 0; i < 5; ++i)
      add("after-" + std::to_string(i));
    ASSERT_TRUE(eventually([&] { return nodes_.all_are_equal(); }));
    nodes_[1].crash();
  }

  void add(const std::string& element) {
    EXPECT_EQ(nodes_[0].http().post("/sets/s", R"({"add": [")" + element + "\"]}").status, 200);
  }

  AssertionResult has_all(const node& n) {
    const auto r = n.http().get("/sets/s?limit=1");
    if (r.body.find("\"cardinality\": 25") != std::string::npos)
      return testing::AssertionSuccess();
    return testing::AssertionFailure() << n.name() << ": " << r.status << ' ' << r.body;
  }

  fs::path file_of_rows(const std::string& prefix, const std::string& suffix) {
    for (const auto& entry : fs::directory_iterator{folder_ / nodes_[1].name() + "/rows"}) {
      const auto name = entry.path().filename().string();
      if (name.starts_with(prefix) && name.ends_with(suffix))
        return entry.path();
    }
    ADD_FAILURE() << "there is no file " << prefix << "..." << suffix;
    return {};
  }

  const temporary_folder folder_;
  cluster nodes_{2, {"--storage.retry-interval=300ms"}};
};

TEST_F(DamagedStart, WithALogThatIsNotWhatWasWrittenIsMendedByTheOthers) {
  ASSERT_NO_FATAL_FAILURE(live_and_kill());
  const auto log = file_of_rows("", ".log");
  flip(log, fs::file_size(log) / 2);

  nodes_[1].launch();

  EXPECT_TRUE(comes_to_say(nodes_[1], "is not what was written"));
  EXPECT_TRUE(nodes_[1].wait_until_ready());
  EXPECT_TRUE(has_all(nodes_[1]));
  EXPECT_TRUE(eventually([&] { return nodes_.all_are_equal(); }));
  EXPECT_TRUE(has_all(nodes_[0]));
}

TEST_F(DamagedStart, WithAManifestThatIsNotWhatWasWrittenIsRefusedAndCostsTheOthersNothing) {
  ASSERT_NO_FATAL_FAILURE(live_and_kill());
  const auto manifest = file_of_rows("MANIFEST-", "");
  fs::copy(manifest, folder_ / "manifest");
  fs::resize_file(manifest, fs::file_size(manifest) / 2);

  nodes_[1].launch();

  EXPECT_TRUE(comes_to_say(nodes_[1], "is shorter than what was written"));
  const auto status = nodes_[1].wait(10s);
  EXPECT_TRUE(status && *status != 0) << "it does not end";
  EXPECT_TRUE(has_all(nodes_[0]));

  fs::copy(folder_ / "manifest", manifest, fs::copy_options::overwrite_existing);
  ASSERT_TRUE(nodes_[1].start()) << "nothing was changed";
  EXPECT_TRUE(has_all(nodes_[1]));
  EXPECT_TRUE(eventually([&] { return nodes_.all_are_equal(); }));
}

TEST_F(DamagedStart, WithAManifestThatIsGoneMakesTheMostOfTheRestOnceLossIsAccepted) {
  ASSERT_NO_FATAL_FAILURE(live_and_kill());
  nodes_[0].crash(); // nobody else has anything
  fs::remove(file_of_rows("MANIFEST-", ""));

  nodes_[1].launch();
  EXPECT_TRUE(comes_to_say(nodes_[1], "once with --accept-loss"));
  EXPECT_TRUE(nodes_[1].wait(10s));

  nodes_[1].set_flag("--accept-loss");
  ASSERT_TRUE(nodes_[1].start());
  EXPECT_TRUE(has_all(nodes_[1])) << "all files of rows are there";
  EXPECT_NE(nodes_[1].output().find("are kept in"), std::string::npos);
  ASSERT_TRUE(nodes_[0].start());
  EXPECT_TRUE(eventually([&] { return nodes_.all_are_equal(); }));
  EXPECT_TRUE(has_all(nodes_[0]));
  EXPECT_TRUE(has_all(nodes_[1]));
}

TEST_F(DamagedStart, WithoutAnyRowsIsToldAndMendedByTheOthers) {
  ASSERT_NO_FATAL_FAILURE(live_and_kill());
  fs::remove_all(folder_ / nodes_[1].name() + "/rows");
  ASSERT_TRUE(nodes_[1].start());
  EXPECT_NE(nodes_[1].output().find("there are no rows in"), std::string::npos);
  const auto ready = nodes_[1].http().get("/readyz");
  EXPECT_EQ(ready.status, 200);
  EXPECT_NE(ready.body.find("what it had is gone"), std::string::npos) << ready.body;
  EXPECT_TRUE(eventually([&] { return nodes_.all_are_equal(); }));
  EXPECT_TRUE(has_all(nodes_[1]));
}

/// A node of which one register cannot be read any more, while others can.
class DamagedRegister : public testing::Test {
protected:
  explicit DamagedRegister(std::size_t nodes = 1)
      : nodes_{nodes, {"--storage.retry-interval=300ms"}} {}

  void damage() {
    ASSERT_EQ(node().stop(SIGTERM, 10s), 0);
    ASSERT_TRUE(node().start());
    ASSERT_EQ(node().stop(SIGTERM, 10s), 0);
    for (const auto& path : files_of_rows(folder_ / node().name())) {
      std::stringstream text;
      text << std::ifstream{path, std::ios::binary}.rdbuf();
      if (const auto at = text.str().find(value_.substr(0, 100)); at != std::string::npos)
        return flip(path, at + 50);
    }
    FAIL() << "the value is in no file of rows";
  }

  void assign(const std::string& name) {
    EXPECT_EQ(node().http().put("/registers/" + name, R"({"value": ")" + value_ + "\"}").status,
              200);
  }

  void add_one(const std::string& counter) {
    const auto target = "/counters/" + counter;
    EXPECT_EQ(node().http().post(target, R"({"increment": 1})").status, 200);
  }

  e2e::node& node() { return nodes_[0]; }

  static AssertionResult is_being_mended(const answer& r) {
    if (r.status == 503 && r.body.find("being-mended") != std::string::npos)
      return testing::AssertionSuccess();
    return testing::AssertionFailure() << r.status << ' ' << r.body;
  }

  static std::string noise() {
    std::mt19937 random{1};
    std::string result(6000, ' '); // more than a block
    for (auto& c : result)
      c = static_cast<char>('0' + random() % 64);
    std::ranges::replace(result, '\\', 'z');
    return result;
  }

  const std::string value_ = noise();
  const temporary_folder folder_;
  cluster nodes_;
};

class DamagedNodeBesideANewOne : public DamagedRegister {
protected:
  DamagedNodeBesideANewOne() : DamagedRegister(2) {}

  /// Whether the key is still refused when all that the other has came here.
  AssertionResult is_refused_after_all_has_come() {
    EXPECT_EQ(nodes_[1].http().post("/counters/later", R"({"increment": 1})").status, 200);
    EXPECT_TRUE(eventually([&] {
      const auto shown = node().http().get("/metrics");
      return AssertionResult{shown.status == 200 &&
                             shown.body.find("\nstarling_gossip_items_received_total 0\n") ==
                                 std::string::npos};
    }));
    std::this_thread::sleep_for(500ms); // it would be open by now
    return is_being_mended(node().http().get("/registers/damaged"));
  }
};

TEST_F(DamagedNodeBesideANewOne, DoesNotGiveUpAKeyBecauseThatOneLacksIt) {
  nodes_.keep_data_below(folder_.path());
  ASSERT_TRUE(node().start());
  add_one("before");
  for (int i = 0; i < 20; ++i)
    assign("damaged");
  node().crash();
  for (const auto& entry : fs::directory_iterator{folder_ / node().name() + "/rows"})
    if (entry.path().extension() == ".log")
      flip(entry.path(), fs::file_size(entry.path()) / 2);

  ASSERT_TRUE(nodes_[1].start());
  node().launch();
  EXPECT_TRUE(comes_to_say(node(), "rows are rebuilt"));
  EXPECT_TRUE(is_refused_after_all_has_come());
}

TEST_F(DamagedNodeBesideANewOne, DoesNotGiveUpAKeyThatIsFoundDamagedOnceThatOneHasJoined) {
  nodes_.keep_data_below(folder_.path());
  ASSERT_TRUE(node().start());
  for (int i = 0; i < 200; ++i) // some blocks of rows before that of the register
    add_one("before-" + std::to_string(i));
  assign("damaged");
  ASSERT_NO_FATAL_FAILURE(damage());

  node().set_flag("--storage.retry-interval=2s"); // for which it goes on without noticing all
  ASSERT_TRUE(nodes_[1].start());
  node().launch();
  EXPECT_TRUE(comes_to_say(node(), "rows are rebuilt"));
  const auto said = node().output();
  EXPECT_LT(said.find(" joined, node"), said.find("rows are rebuilt"));
  EXPECT_TRUE(is_refused_after_all_has_come());
}

TEST_F(DamagedNodeBesideANewOne,
       DoesNotGiveUpAKeyBecauseAMemberLacksItThatHasLostItsRowsMeanwhile) {
  nodes_.keep_data_below(folder_.path());
  ASSERT_TRUE(nodes_.start());
  for (int i = 0; i < 200; ++i)
    add_one("before-" + std::to_string(i));
  assign("damaged");
  EXPECT_TRUE(eventually([&] { return nodes_.all_are_equal(); }));
  ASSERT_EQ(nodes_[1].stop(SIGTERM, 10s), 0);
  ASSERT_NO_FATAL_FAILURE(damage());

  fs::remove_all(folder_ / nodes_[1].name() + "/rows");
  ASSERT_TRUE(nodes_[1].start());
  node().launch();
  EXPECT_TRUE(comes_to_say(node(), "rows are rebuilt"));
  EXPECT_TRUE(is_refused_after_all_has_come());
}

TEST_F(DamagedNodeBesideANewOne, TakesAKeyBackFromAMemberThatOnceHadAll) {
  nodes_.keep_data_below(folder_.path());
  ASSERT_TRUE(nodes_.start());
  for (int i = 0; i < 200; ++i)
    add_one("before-" + std::to_string(i));
  assign("damaged");
  EXPECT_TRUE(eventually([&] { return nodes_.all_are_equal(); }));
  ASSERT_EQ(nodes_[1].stop(SIGTERM, 10s), 0);
  ASSERT_NO_FATAL_FAILURE(damage());

  ASSERT_TRUE(nodes_[1].start());
  node().launch();
  EXPECT_TRUE(comes_to_say(node(), "what the disk had lost is back"));
  EXPECT_TRUE(eventually([&] {
    return testing::AssertionResult{node().http().get("/registers/damaged").status == 200};
  }));
}

TEST_F(DamagedNodeBesideANewOne, DoesNotGiveUpAKeyBecauseAMemberLacksItWhoseDiskWasSetBack) {
  nodes_.keep_data_below(folder_.path());
  ASSERT_TRUE(nodes_.start());
  for (int i = 0; i < 200; ++i)
    add_one("before-" + std::to_string(i));
  EXPECT_TRUE(eventually([&] { return nodes_.all_are_equal(); }));
  const auto data = folder_ / nodes_[1].name();
  ASSERT_EQ(nodes_[1].stop(SIGTERM, 10s), 0);
  fs::copy(data + "/rows", folder_ / "snapshot", fs::copy_options::recursive);
  ASSERT_TRUE(nodes_[1].start());
  std::this_thread::sleep_for(3s); // a start is counted, and told, and no client writes here
  assign("damaged");
  EXPECT_TRUE(eventually([&] { return nodes_.all_are_equal(); }));
  ASSERT_EQ(nodes_[1].stop(SIGTERM, 10s), 0);
  fs::remove_all(data + "/rows");
  fs::copy(folder_ / "snapshot", data + "/rows", fs::copy_options::recursive);
  ASSERT_NO_FATAL_FAILURE(damage());

  node().launch();
  EXPECT_TRUE(comes_to_say(node(), "rows are rebuilt"));
  EXPECT_TRUE(eventually([&] { return is_being_mended(node().http().get("/registers/damaged")); }));
  ASSERT_TRUE(nodes_[1].start());
  EXPECT_TRUE(is_refused_after_all_has_come());
  EXPECT_NE(nodes_[1].output().find("under a new replica id"), std::string::npos);
}

TEST_F(DamagedNodeBesideANewOne, KeepsTheOtherFromLeavingUntilItIsMended) {
  nodes_.keep_data_below(folder_.path());
  ASSERT_TRUE(nodes_.start());
  for (int i = 0; i < 200; ++i)
    add_one("before-" + std::to_string(i));
  assign("damaged");
  EXPECT_TRUE(eventually([&] { return nodes_.all_are_equal(); }));
  ASSERT_NO_FATAL_FAILURE(damage());
  node().set_flag("--storage.retry-interval=20s"); // for which it goes on
  nodes_[1].set_flag("--gossip.leave-timeout=1s");
  ASSERT_EQ(nodes_[1].stop(SIGTERM, 10s), 0);
  ASSERT_TRUE(nodes_[1].start());
  node().launch();
  EXPECT_TRUE(comes_to_say(node(), "the next start mends it"));
  EXPECT_TRUE(eventually([&] { return nodes_.is_whole(); }));

  const auto refused = tell_to_leave(nodes_[1]);
  EXPECT_EQ(refused.status, 1) << refused.output;
  EXPECT_NE(refused.output.find("1 others lack or may have lost"), std::string::npos)
      << refused.output;

  node().set_flag("--storage.retry-interval=300ms");
  node().crash();
  node().launch();
  EXPECT_TRUE(comes_to_say(node(), "what the disk had lost is back"));
  EXPECT_TRUE(eventually([&]() -> testing::AssertionResult {
    const auto told = tell_to_leave(nodes_[1]);
    return told.status == 0 ? testing::AssertionSuccess()
                            : testing::AssertionFailure() << told.output;
  }));
  EXPECT_EQ(nodes_[1].wait(5s), 0);
  EXPECT_EQ(node().http().get("/registers/damaged").status, 200);
}

TEST_F(DamagedRegister, IsRefusedByANodeAloneUntilItsLossIsAccepted) {
  nodes_.keep_data_below(folder_.path());
  ASSERT_TRUE(nodes_.start());
  for (int i = 0; i < 200; ++i) // some blocks of rows before that of the register
    add_one("before-" + std::to_string(i));
  assign("damaged");
  ASSERT_NO_FATAL_FAILURE(damage());

  node().launch();
  EXPECT_TRUE(comes_to_say(node(), "rows are rebuilt"));
  EXPECT_TRUE(eventually([&] { return is_being_mended(node().http().get("/registers/damaged")); }));
  EXPECT_TRUE(is_being_mended(node().http().put("/registers/damaged", R"({"value": "x"})")));
  EXPECT_TRUE(is_being_mended(node().http().get("/keys?type=register")));
  EXPECT_EQ(node().http().get("/keys?type=set").status, 200) << "the list says what is lost";
  EXPECT_EQ(node().http().get("/keys?type=register&prefix=x").status, 200);
  EXPECT_TRUE(shows(node(), "/counters/before-0", "1"));
  add_one("before-0");
  EXPECT_EQ(node().http().get("/readyz").status, 503);
  ASSERT_EQ(node().stop(SIGTERM, 10s), 0);

  node().set_flag("--accept-loss");
  ASSERT_TRUE(node().start());
  EXPECT_EQ(node().http().get("/registers/damaged").status, 404);
  assign("damaged");
  EXPECT_TRUE(shows(node(), "/counters/before-0", "2"));
}

} // namespace
} // namespace starling::e2e
