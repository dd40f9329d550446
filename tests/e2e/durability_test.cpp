// Nodes with a disk that are killed, set back, cloned, or lose it: what was acknowledged is there
// again, and counted once.

#include "tests/e2e/cluster.hpp"
#include "tests/e2e/eventually.hpp"
#include "tests/e2e/growth.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <random>
#include <thread>

namespace starling::e2e {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using storage::temporary_folder;
using testing::AssertionFailure;
using testing::AssertionResult;
using testing::AssertionSuccess;

void add_one(const node& to, const std::string& counter) {
  EXPECT_EQ(to.http().post("/counters/" + counter, R"({"increment": 1})").status, 200);
}

void add_member(const node& to, const std::string& set, const std::string& member) {
  EXPECT_EQ(to.http().post("/sets/" + set, R"({"add": [")" + member + "\"]}").status, 200);
}

/// As an administrator does.
void copy_folder(const std::string& from, const std::string& to) {
  ASSERT_EQ(run({"cp", "-a", from, to}).status, 0);
}

// --- kill -9 -----------------------------------------------------------------------------------

TEST(Durability, WhatWasAcknowledgedSurvivesAnyNumberOfKills) {
  constexpr int rounds = 13; // of four kills: one node, then all
  const auto seed = std::random_device{}();
  std::mt19937 random{seed};
  SCOPED_TRACE("seed " + std::to_string(seed));
  const temporary_folder folder;
  cluster nodes{3};
  nodes.keep_data_below(folder.path());
  ASSERT_TRUE(nodes.start());
  std::vector<std::string> ids;
  for (const auto& one : nodes.nodes())
    ids.push_back(replica_id(one));
  growth load{nodes.nodes()};
  const auto kill = [&](const std::vector<std::size_t>& some) {
    std::this_thread::sleep_for(std::chrono::milliseconds{50 + random() % 200});
    std::vector<tally> told;
    for (const auto i : some) {
      told.push_back(load.through(i));
      nodes[i].crash();
    }
    for (const auto i : some)
      nodes[i].launch();
    for (std::size_t k = 0; k < some.size(); ++k) {
      ASSERT_TRUE(nodes[some[k]].wait_until_ready());
      ASSERT_TRUE(holds(nodes[some[k]], told[k]));
    }
  };

  for (int round = 0; round < rounds; ++round) {
    ASSERT_NO_FATAL_FAILURE(kill({random() % 3}));
    ASSERT_NO_FATAL_FAILURE(kill({0, 1, 2}));
  }
  load.end();

  EXPECT_TRUE(eventually([&] { return nodes.all_are_equal(); }));
  const auto told = load.through_all();
  for (const auto& one : nodes.nodes())
    EXPECT_TRUE(counts_exactly(one, told));
  for (std::size_t i = 0; i < nodes.size(); ++i)
    EXPECT_EQ(replica_id(nodes[i]), ids[i]) << "events are numbered anew for no reason";
  std::int64_t unanswered = 0;
  for (const auto& [target, count] : told.counters)
    unanswered += count.unanswered;
  EXPECT_GE(told.acknowledged, 1000U) << "this was no load";
  std::cout << 4 * rounds << " kills, " << told.acknowledged << " writes acknowledged, "
            << unanswered << " increments not answered\n";
}

/// How many lives a node lives here: 8, or what STARLING_LIVES says.
int lives_to_live() {
  const char* given = std::getenv("STARLING_LIVES");
  return given != nullptr ? std::atoi(given) : 8;
}

/// How long the context of a member is that is added in each of so many lives of a node.
std::size_t context_bytes_after_lives(cluster& nodes, int lives) {
  for (int life = 0; life < lives; ++life) {
    add_member(nodes[0], "s", "m");
    add_member(nodes[0], "s", "of life " + std::to_string(life));
    EXPECT_TRUE(eventually([&] { return nodes.all_are_equal(); }));
    nodes[0].crash();
    EXPECT_TRUE(nodes[0].start());
    EXPECT_TRUE(eventually([&] { return nodes.all_are_equal(); }));
  }
  add_member(nodes[0], "s", "m");
  return nodes[0].http().context("/sets/s", "m").size();
}

TEST(Durability, KilledNodeWithADiskLeavesNoTraceInValues) {
  const temporary_folder folder;
  cluster nodes{2};
  nodes.keep_data_below(folder.path());
  ASSERT_TRUE(nodes.start());
  const auto id = replica_id(nodes[0]);
  const auto before = context_bytes_after_lives(nodes, 1);

  const auto after = context_bytes_after_lives(nodes, lives_to_live());

  EXPECT_EQ(after, before);
  EXPECT_EQ(replica_id(nodes[0]), id) << "counters would name one more";
  std::cout << lives_to_live() << " kills with a disk: a context of " << before
            << " characters before, " << after << " after\n";
}

TEST(Durability, EachLifeWithoutADiskLeavesATraceInValues) {
  cluster nodes{2};
  ASSERT_TRUE(nodes.start());
  const auto id = replica_id(nodes[0]);
  const auto before = context_bytes_after_lives(nodes, 1);

  const auto after = context_bytes_after_lives(nodes, lives_to_live());

  EXPECT_GT(after, before);
  EXPECT_NE(replica_id(nodes[0]), id);
  std::cout << lives_to_live() << " kills without a disk: a context of " << before
            << " characters before, " << after << " after\n";
}

// --- other disks -------------------------------------------------------------------------------

/// Three nodes with disks, of which the last is set back to an earlier moment while the others go
/// on, and is written to at once.
class SetBackByCopies : public testing::Test {
protected:
  void SetUp() override {
    nodes_.keep_data_below(folder_.path());
    ASSERT_TRUE(nodes_.start());
    write(10);
    ASSERT_EQ(nodes_[2].stop(SIGTERM, 5s), 0);
    copy_folder(data(), copy());
    ASSERT_TRUE(nodes_[2].start());
    id_ = replica_id(nodes_[2]);
    write(20); // numbered as what will be written after
    ASSERT_TRUE(eventually([&] { return nodes_.all_are_equal(); }));
    nodes_[2].crash();
    ASSERT_TRUE(nodes_[2].start()); // which moves what it wrote into files that the copy lacks
    nodes_[2].crash();
  }

  std::string data() { return folder_ / nodes_[2].name(); }
  std::string copy() const { return folder_ / "copy"; }

  void write(int count) {
    for (int i = 0; i < count; ++i) {
      add_one(nodes_[2], "c");
      add_member(nodes_[2], "s", "member " + std::to_string(written_++));
    }
  }

  void start_and_expect_nothing_lost() {
    ASSERT_TRUE(nodes_[2].start());
    write(5);
    EXPECT_NE(replica_id(nodes_[2]), id_);
    EXPECT_TRUE(nodes_.all_come_to_show("/counters/c", std::to_string(written_)));
    for (const auto& one : nodes_.nodes())
      EXPECT_TRUE(eventually([&]() -> AssertionResult {
        const auto seen = one.http().get("/sets/s").member("cardinality");
        if (seen == std::to_string(written_))
          return AssertionSuccess();
        return AssertionFailure() << one.name() << " has " << seen << " of " << written_;
      }));
    EXPECT_TRUE(eventually([&] { return nodes_.all_are_equal(); }));
  }

  const temporary_folder folder_;
  cluster nodes_{3};
  std::string id_;
  int written_ = 0;
};

TEST_F(SetBackByCopies, CopyInPlaceOfTheFolderLosesNothing) {
  std::filesystem::rename(data(), folder_ / "old");
  copy_folder(copy(), data());

  start_and_expect_nothing_lost();
}

TEST_F(SetBackByCopies, CopyAfterTheFolderWasRemovedLosesNothing) {
  std::filesystem::remove_all(data());
  copy_folder(copy(), data());

  start_and_expect_nothing_lost();
}

TEST_F(SetBackByCopies, CopyOverTheFolderLosesNothing) {
  copy_folder(copy() + "/.", data());

  start_and_expect_nothing_lost();
}

TEST(Durability, CloneBesideItsOriginalIsAnotherReplica) {
  const temporary_folder folder;
  cluster nodes{4};
  nodes.keep_data_below(folder.path());
  for (const auto i : {0U, 1U, 2U})
    ASSERT_TRUE(nodes[i].start());
  for (int i = 0; i < 10; ++i) {
    add_one(nodes[0], "c");
    add_member(nodes[0], "s", "before " + std::to_string(i));
  }
  ASSERT_EQ(nodes[0].stop(SIGTERM, 5s), 0);
  copy_folder(folder / nodes[0].name(), folder / nodes[3].name());

  ASSERT_TRUE(nodes[0].start());
  ASSERT_TRUE(nodes[3].start());
  for (int i = 0; i < 10; ++i)
    for (const auto n : {0U, 3U}) {
      add_one(nodes[n], "c");
      add_member(nodes[n], "s", nodes[n].name() + ", " + std::to_string(i));
    }

  EXPECT_NE(replica_id(nodes[0]), replica_id(nodes[3]));
  EXPECT_TRUE(nodes.all_come_to_show("/counters/c", "30"));
  EXPECT_TRUE(eventually([&] { return nodes.all_are_equal(); }));
  EXPECT_EQ(nodes[1].http().get("/sets/s").member("cardinality"), "30");
  EXPECT_TRUE(eventually([&] { return nodes.is_whole(); }));
}

TEST(Durability, NodeThatLostItsDiskIsRefilled) {
  const temporary_folder folder;
  cluster nodes{3};
  nodes.keep_data_below(folder.path());
  ASSERT_TRUE(nodes.start());
  const auto id = replica_id(nodes[1]);
  for (int i = 0; i < 10; ++i) {
    add_one(nodes[1], "c");
    add_member(nodes[1], "s", std::to_string(i));
  }
  ASSERT_TRUE(eventually([&] { return nodes.all_are_equal(); }));
  nodes[1].crash();
  std::filesystem::remove_all(folder / nodes[1].name());

  ASSERT_TRUE(nodes[1].start());
  add_one(nodes[1], "c");

  EXPECT_NE(replica_id(nodes[1]), id);
  EXPECT_TRUE(nodes.all_come_to_show("/counters/c", "11"));
  EXPECT_TRUE(eventually([&] { return nodes.all_are_equal(); }));
  EXPECT_EQ(nodes[1].http().get("/sets/s").member("cardinality"), "10");
}

// --- starting ----------------------------------------------------------------------------------

TEST(Durability, NodeWithManyKeysAnswersSoonAfterItsStart) {
  constexpr int keys = 10'000;
  constexpr auto soon = 5s; // idle, and compiled for use, it takes a small part of a second
  const temporary_folder folder;
  cluster nodes{1, {"--durability=none"}};
  nodes.keep_data_below(folder.path());
  ASSERT_TRUE(nodes.start());
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w)
    writers.emplace_back([&nodes, w] {
      httplib::Client http{"127.0.0.1", nodes[0].http_port().number()};
      http.set_keep_alive(true);
      http.set_tcp_nodelay(true);
      for (int i = w; i < keys; i += 4)
        http.Post("/counters/" + std::to_string(i), R"({"increment": 1})", "application/json");
    });
  for (auto& one : writers)
    one.join();
  nodes[0].crash();

  const auto begin = clock::now();
  nodes[0].launch();
  EXPECT_TRUE(comes_to_show(nodes[0], "/counters/" + std::to_string(keys - 1), "1"));
  const auto took = clock::now() - begin;

  EXPECT_LT(took, soon);
  add_one(nodes[0], "0");
  EXPECT_TRUE(shows(nodes[0], "/counters/0", "2"));
}

} // namespace
} // namespace starling::e2e
