// Nodes on a disk that is small: what happens when it is full, or takes no writes.
//
// The test mounts its disks itself, where only its own processes see them, and is skipped where it
// may not.

#include "tests/e2e/cluster.hpp"
#include "tests/e2e/eventually.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <sched.h>
#include <sys/mount.h>
#include <thread>
#include <vector>

namespace starling::e2e {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using storage::temporary_folder;
using testing::AssertionResult;

/// A disk in memory, of some megabytes.
class small_disk {
public:
  explicit small_disk(std::string path) : path_(std::move(path)) { fs::create_directory(path_); }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;
  ~small_disk() {
    if (is_mounted_)
      ::umount2(path_.c_str(), MNT_DETACH);
  }

  /// Whether it could be mounted.
  AssertionResult mount(const std::string& size) {
    // Of this thread and the processes that it starts.
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", path_.c_str(), "tmpfs", 0, ("size=" + size).c_str()) != 0)
      return testing::AssertionFailure() << std::strerror(errno);
    is_mounted_ = true;
    return testing::AssertionSuccess();
  }

  void change(const std::string& size, unsigned long flags = 0) {
    ASSERT_EQ(
        ::mount("tmpfs", path_.c_str(), "tmpfs", MS_REMOUNT | flags, ("size=" + size).c_str()), 0)
        << std::strerror(errno);
  }

  /// Leaves no byte free.
  void fill() {
    std::ofstream file{path_ + "/filler", std::ios::binary};
    const std::string block(4096, 'x');
    while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush())
      ;
  }

  void make_room() { fs::remove(path_ + "/filler"); }

private:
  std::string path_;
  bool is_mounted_ = false;
};

class SmallDisk : public testing::Test {
protected:
  void SetUp() override {
    if (const auto mounted = disk_.mount("12m"); !mounted)
      GTEST_SKIP() << "this process may not mount a small disk: " << mounted.message();
    nodes_.keep_data_below(folder_ / "disk");
    for (const auto i : {1U, 2U})
      nodes_[i].set_flag("--data-dir=" + (folder_ / nodes_[i].name()));
  }

  node& small() { return nodes_[0]; }

  static std::string noise() {
    std::mt19937 random{1};
    std::string result(20'000, '"');
    for (std::size_t i = 1; i + 1 < result.size(); ++i)
      result[i] = static_cast<char>('a' + random() % 26);
    return result;
  }

  static std::string register_of(int number) { return "/registers/" + std::to_string(number); }

  const std::string value_ = noise(); // cannot be compressed
  const temporary_folder folder_;
  small_disk disk_{folder_ / "disk"};
  cluster nodes_{3, {"--storage.write-buffer=1048576", "--storage.retry-interval=300ms"}};
};

TEST_F(SmallDisk, RefusesWritesWhenItIsFullAndGoesOnByItselfWhenThereIsRoom) {
  ASSERT_TRUE(nodes_.start());
  const auto id = replica_id(small());
  int counted = 0;
  int registers = 0;
  const auto count = [&] {
    return small().http().post("/counters/c", R"({"increment": 1})").status;
  };
  answer last;
  while (registers < 5000) {
    last = small().http().put(register_of(registers), R"({"value": )" + value_ + "}");
    if (last.status != 200)
      break;
    ++registers;
    if (count() == 200)
      ++counted;
  }
  ASSERT_EQ(last.status, 507) << registers << ' ' << last.body;
  EXPECT_EQ(last.member("code"), "disk-full");
  EXPECT_EQ(last.header("Content-Type"), "application/problem+json");

  EXPECT_EQ(count(), 507);
  EXPECT_EQ(small().http().post("/sets/s", R"({"add": ["a"]})").status, 507);
  const auto ready = small().http().get("/readyz");
  EXPECT_EQ(ready.status, 503);
  EXPECT_NE(ready.member("detail").find("nothing can be written"), std::string::npos) << ready.body;
  EXPECT_TRUE(shows(small(), "/counters/c", std::to_string(counted)));
  for (int i = 0; i < registers; ++i)
    ASSERT_TRUE(shows(small(), register_of(i), value_));
  EXPECT_EQ(nodes_[1].http().post("/counters/c", R"({"increment": 1})").status, 200);

  disk_.change("64m");
  EXPECT_TRUE(eventually([&]() -> AssertionResult {
    if (small().output().find("starts again") != std::string::npos)
      return testing::AssertionSuccess();
    return testing::AssertionFailure() << "it does not start again";
  }));
  ASSERT_TRUE(small().wait_until_ready());
  EXPECT_EQ(count(), 200);

  EXPECT_TRUE(nodes_.all_come_to_show("/counters/c", std::to_string(counted + 2)));
  EXPECT_TRUE(eventually([&] { return nodes_.all_are_equal(); }));
  for (int i = 0; i < registers; ++i)
    ASSERT_TRUE(nodes_.all_show(register_of(i), value_));
  EXPECT_EQ(replica_id(small()), id) << "nothing that it numbered is in doubt";
}

/// One node on such a disk, with a counter that is 5.
class LoneNodeOnASmallDisk : public SmallDisk {
protected:
  void SetUp() override {
    SmallDisk::SetUp();
    if (IsSkipped())
      return;
    ASSERT_TRUE(small().start());
    EXPECT_EQ(count(5), 200);
  }

  int count(int by) {
    return small()
        .http()
        .post("/counters/c", R"({"increment": )" + std::to_string(by) + "}")
        .status;
  }

  /// Whether it comes to read what it has and to write nothing.
  AssertionResult comes_to_serve_reads() {
    return eventually([&]() -> AssertionResult {
      if (auto shown = shows(small(), "/counters/c", "5"); !shown)
        return shown;
      const auto ready = small().http().get("/readyz");
      if (ready.status != 503 || ready.body.find("nothing can be written") == std::string::npos)
        return testing::AssertionFailure() << ready.status << ' ' << ready.body;
      const auto written = small().http().post("/counters/c", R"({"increment": 1})");
      if (written.status != 507)
        return testing::AssertionFailure() << written.status << ' ' << written.body;
      if (const auto keys = small().http().get("/keys"); keys.status != 200)
        return testing::AssertionFailure() << keys.status << ' ' << keys.body;
      return testing::AssertionSuccess();
    });
  }

  std::string identity_file() {
    std::ifstream file{folder_ / "disk/" + small().name() + "/identity"};
    return {std::istreambuf_iterator<char>{file}, {}};
  }

  /// The id of the node, without its generation.
  std::string node_id() {
    const auto text = identity_file();
    return text.substr(0, text.find("generation"));
  }
};

TEST_F(LoneNodeOnASmallDisk, IsStartedForReadingWhenItIsFullAndWritesOnceThereIsRoom) {
  const auto id = node_id();
  for (const bool is_killed : {true, false}) {
    if (is_killed)
      small().crash();
    else
      ASSERT_EQ(small().stop(SIGTERM, 10s), 0);
    disk_.fill();
    const auto identity = identity_file();
    small().launch();
    EXPECT_TRUE(comes_to_serve_reads());
    EXPECT_EQ(identity_file(), identity) << "there is no room for another";
    const auto process = small().id();

    disk_.make_room();
    ASSERT_TRUE(small().wait_until_ready());
    EXPECT_EQ(small().id(), process);
    EXPECT_TRUE(small().is_running());
    EXPECT_TRUE(shows(small(), "/counters/c", "5"));
    EXPECT_EQ(node_id(), id);
  }
  EXPECT_EQ(count(1), 200);
}

TEST_F(LoneNodeOnASmallDisk, StopsInOrderWhileItIsFull) {
  ASSERT_EQ(small().stop(SIGTERM, 10s), 0);
  disk_.fill();
  small().launch();
  EXPECT_TRUE(comes_to_serve_reads());
  EXPECT_EQ(small().stop(SIGTERM, 10s), 0);
  disk_.make_room();
  ASSERT_TRUE(small().start());
  EXPECT_TRUE(shows(small(), "/counters/c", "5"));
}

TEST_F(LoneNodeOnASmallDisk, LivesOnWhenItGetsFullAgainWhileItStartsAgain) {
  const auto process = small().id();
  for (int round = 1; round <= 3; ++round) {
    disk_.fill();
    for (int i = 0; i < 1000; ++i)
      if (small().http().put(register_of(i % 20), R"({"value": )" + value_ + "}").status != 200)
        break;
    EXPECT_TRUE(comes_to_serve_reads());
    disk_.make_room();
    const auto starts_again = [&]() -> AssertionResult {
      const auto text = small().output();
      std::size_t times = 0;
      for (auto at = text.find("starts again"); at != std::string::npos;
           at = text.find("starts again", at + 1))
        ++times;
      if (times >= static_cast<std::size_t>(round))
        return testing::AssertionSuccess();
      return testing::AssertionFailure() << "it started again " << times << " times";
    };
    ASSERT_TRUE(eventually(starts_again));
    disk_.fill();
    EXPECT_TRUE(eventually([&] { return shows(small(), "/counters/c", "5"); }));
    EXPECT_TRUE(always(
        [&]() -> AssertionResult {
          if (small().is_running())
            return testing::AssertionSuccess();
          return testing::AssertionFailure() << "it ended";
        },
        1s));
    disk_.make_room();
    ASSERT_TRUE(small().wait_until_ready());
    EXPECT_EQ(small().id(), process);
    EXPECT_TRUE(shows(small(), "/counters/c", "5"));
  }
  EXPECT_EQ(count(1), 200);
}

TEST_F(LoneNodeOnASmallDisk, AnswersNoReadWithAFailureWhileItGetsFull) {
  std::atomic<bool> is_over = false;
  std::map<int, int> answers; // to reads, by status
  std::vector<std::jthread> writers;
  for (int w = 0; w < 3; ++w)
    writers.emplace_back([&, w] {
      for (int i = w; !is_over; ++i) {
        small().http().put(register_of(i % 5), R"({"value": )" + value_ + "}");
        small().http().post("/counters/d", R"({"increment": 1})");
      }
    });
  ASSERT_EQ(small().http().post("/counters/d", R"({"increment": 1})").status, 200);
  ASSERT_EQ(small().http().put(register_of(0), R"({"value": 1})").status, 200);
  const auto end = std::chrono::steady_clock::now() + patience;
  for (int full = 0; full < 200 && std::chrono::steady_clock::now() < end;) {
    ++answers[small().http().get("/counters/d").status];
    ++answers[small().http().get(register_of(0)).status];
    ++answers[small().http().get("/keys").status];
    full += small().http().post("/counters/c", R"({"increment": 1})").status == 507 ? 1 : 0;
    if (full == 0 && answers[200] == 30)
      disk_.fill();
  }
  is_over = true;
  writers.clear();
  EXPECT_EQ(answers.size(), 1u) << testing::PrintToString(answers);
  EXPECT_GT(answers[200], 100);
}

TEST_F(LoneNodeOnASmallDisk, IsNotStartedOnWhenItTakesNoWrites) {
  ASSERT_EQ(small().stop(SIGTERM, 10s), 0);
  disk_.change("12m", MS_RDONLY);
  small().launch();
  EXPECT_TRUE(eventually([&]() -> AssertionResult {
    if (small().output().find("Read-only") != std::string::npos)
      return testing::AssertionSuccess();
    return testing::AssertionFailure() << small().output();
  }));
  EXPECT_EQ(small().wait(10s), 1);
  disk_.change("12m");
  ASSERT_TRUE(small().start());
  EXPECT_TRUE(shows(small(), "/counters/c", "5"));
}

TEST_F(LoneNodeOnASmallDisk, TakesNoWriteOnceItsFolderIsTakenAwayAndGoesOnWithItWhenItIsBack) {
  const auto data = folder_ / "disk/" + small().name();
  fs::rename(data, data + "-elsewhere");
  EXPECT_NE(count(1), 200);
  const auto refused = small().http().post("/counters/c", R"({"increment": 1})");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.member("code"), "disk-failed");
  const auto ready = small().http().get("/readyz");
  EXPECT_EQ(ready.status, 503);
  EXPECT_NE(ready.body.find("was removed"), std::string::npos) << ready.body;
  EXPECT_EQ(small().http().get("/counters/c").status, 200);

  fs::rename(data + "-elsewhere", data);
  ASSERT_TRUE(small().wait_until_ready());
  EXPECT_EQ(count(1), 200);
}

TEST_F(LoneNodeOnASmallDisk, NoticesThatItsFolderIsGoneThoughNobodyWrites) {
  fs::remove_all(folder_ / "disk/" + small().name());
  EXPECT_TRUE(eventually([&]() -> AssertionResult {
    if (small().http().get("/readyz").status == 503)
      return testing::AssertionSuccess();
    return testing::AssertionFailure() << "it is ready";
  }));
  EXPECT_EQ(small().http().post("/counters/c", R"({"increment": 1})").status, 503);
  EXPECT_EQ(small().stop(SIGTERM, 10s), 0);
}

} // namespace
} // namespace starling::e2e
