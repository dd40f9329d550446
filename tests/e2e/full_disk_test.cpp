// Nodes on a disk that is small: what happens when it is full, or takes no writes.
//
// The test mounts its disks itself, where only its own processes see them, and is skipped where it
// may not.

#include "tests/e2e/cluster.hpp"
#include "tests/e2e/eventually.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <sched.h>
#include <sys/mount.h>

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

TEST_F(SmallDisk, IsNotStartedOnWhenItIsFullOrTakesNoWrites) {
  ASSERT_TRUE(small().start());
  EXPECT_EQ(small().http().post("/counters/c", R"({"increment": 5})").status, 200);
  ASSERT_EQ(small().stop(SIGTERM, 10s), 0);

  const auto expect_refusal = [&](const std::string& why) {
    small().launch();
    const auto written = [&] { return small().output(); };
    EXPECT_TRUE(eventually([&]() -> AssertionResult {
      if (written().find(why) != std::string::npos)
        return testing::AssertionSuccess();
      return testing::AssertionFailure() << written();
    }));
    EXPECT_EQ(small().wait(10s), 1);
  };
  disk_.fill();
  expect_refusal("No space left");
  disk_.make_room();
  disk_.change("12m", MS_RDONLY);
  expect_refusal("Read-only");
  disk_.change("12m");

  ASSERT_TRUE(small().start());
  EXPECT_TRUE(shows(small(), "/counters/c", "5"));
}

} // namespace
} // namespace starling::e2e
