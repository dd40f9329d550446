// A node as a supervisor runs it: signals at any time, a log that nobody reads, no standard
// streams.

#include "tests/e2e/cluster.hpp"
#include "tests/e2e/eventually.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

namespace starling::e2e {
namespace {

using namespace std::chrono_literals;
using storage::temporary_folder;
using testing::AssertionResult;
namespace fs = std::filesystem;

class Daemon : public testing::Test {
protected:
  Daemon() { nodes_.keep_data_below(folder_.path()); }

  node& one() { return nodes_[0]; }

  AssertionResult serves() {
    const auto written = one().http().post("/counters/c", R"({"increment": 1})");
    if (written.status != 200)
      return testing::AssertionFailure() << written.status << ' ' << written.body;
    return testing::AssertionSuccess();
  }

  const temporary_folder folder_;
  cluster nodes_{2};
};

TEST_F(Daemon, IgnoresSignalsThatSayNothingToIt) {
  ASSERT_TRUE(one().start());
  for (const int number : {SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO,
                           SIGSTKFLT, SIGXFSZ, SIGRTMIN, SIGRTMIN + 1, SIGRTMAX})
    one().signal(number);
  EXPECT_TRUE(always([&] { return serves(); }, 300ms));
  EXPECT_EQ(one().stop(SIGTERM, patience), 0);
}

TEST_F(Daemon, StopsInOrderWhenItIsToldTo) {
  for (const int number : {SIGTERM, SIGINT, SIGQUIT, SIGPWR, SIGXCPU}) {
    ASSERT_TRUE(one().start());
    EXPECT_EQ(one().stop(number, patience), 0) << "signal " << number;
  }
}

TEST_F(Daemon, StopsInOrderWhenItIsToldSoTwice) {
  ASSERT_TRUE(nodes_.start());
  ASSERT_TRUE(serves());
  nodes_[1].freeze(); // so that the stop takes its time: this one lacks something
  one().signal(SIGTERM);
  one().signal(SIGHUP);
  one().signal(SIGINT);
  EXPECT_EQ(one().stop(SIGTERM, patience), 0);
  nodes_[1].thaw();
}

/// Whether a process has come to block a signal, which means that it takes it.
AssertionResult blocks(pid_t id, int number) {
  std::ifstream status{"/proc/" + std::to_string(id) + "/status"};
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("SigBlk:") &&
        (std::stoull(line.substr(7), nullptr, 16) >> (number - 1) & 1U) != 0)
      return testing::AssertionSuccess();
  return testing::AssertionFailure() << "it does not block signal " << number;
}

TEST_F(Daemon, StopsInOrderWhileItStarts) {
  for (const auto moment : {0ms, 2ms, 5ms, 10ms, 20ms, 40ms}) {
    one().launch();
    ASSERT_TRUE(eventually([&] { return blocks(one().id(), SIGTERM); }));
    std::this_thread::sleep_for(moment);
    EXPECT_EQ(one().stop(SIGTERM, patience), 0) << moment.count() << " ms after that";
  }
  ASSERT_TRUE(one().start());
  EXPECT_TRUE(serves());
}

/// A pipe that is full, as the log of a supervisor that stands still.
class full_pipe {
public:
  explicit full_pipe(const std::string& path) {
    ::mkfifo(path.c_str(), 0600);
    descriptor_ = ::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    const std::array<char, 512> line{};
    while (::write(descriptor_, line.data(), line.size()) > 0)
      ;
  }
  full_pipe(const full_pipe&) = delete;
  full_pipe& operator=(const full_pipe&) = delete;
  ~full_pipe() { ::close(descriptor_); }

  /// What comes until it contains a text.
  AssertionResult comes_to_show(const std::string& text) {
    return eventually([&]() -> AssertionResult {
      std::array<char, 65536> buffer{};
      ssize_t size = 0;
      while ((size = ::read(descriptor_, buffer.data(), buffer.size())) > 0)
        read_.append(buffer.data(), static_cast<std::size_t>(size));
      if (read_.find(text) != std::string::npos)
        return testing::AssertionSuccess();
      return testing::AssertionFailure() << "no line says: " << text;
    });
  }

private:
  int descriptor_ = -1;
  std::string read_;
};

TEST_F(Daemon, ServesAndStopsThoughNobodyReadsItsLog) {
  const auto path = folder_ / "log";
  full_pipe log{path};
  one().set_flag("--log.level=debug");
  one().start_by({"sh", "-c", R"(exec "$@" 2>)" + path, "sh"});
  ASSERT_TRUE(nodes_.start());
  for (int i = 0; i < 3; ++i) { // members that come and go are logged
    nodes_[1].crash();
    EXPECT_TRUE(serves());
    ASSERT_TRUE(nodes_[1].start());
    EXPECT_TRUE(eventually([&] { return nodes_.is_whole(); }));
  }
  EXPECT_TRUE(serves());
  EXPECT_EQ(one().stop(SIGTERM, patience), 0);
}

TEST_F(Daemon, KeepsItsLinesForWhoeverReadsThemLater) {
  const auto path = folder_ / "log";
  full_pipe log{path};
  one().start_by({"sh", "-c", R"(exec "$@" 2>)" + path, "sh"});
  ASSERT_TRUE(one().start());
  const auto metrics = one().http().get("/metrics").body;
  EXPECT_NE(metrics.find("\nstarling_log_dropped_lines_total 0\n"), std::string::npos) << metrics;
  EXPECT_TRUE(log.comes_to_show("clients on "));
}

TEST_F(Daemon, WritesNoLogIntoItsDataWhenItIsStartedWithoutStandardStreams) {
  one().set_flag("--log.level=debug");
  one().start_by({"sh", "-c", R"(exec "$@" <&- >&- 2>&-)", "sh"});
  ASSERT_TRUE(one().start());
  for (const int number : {0, 1, 2})
    EXPECT_EQ(
        fs::read_symlink("/proc/" + std::to_string(one().id()) + "/fd/" + std::to_string(number)),
        "/dev/null");
  EXPECT_TRUE(serves());
  EXPECT_EQ(one().stop(SIGTERM, patience), 0);
  for (const auto& entry : fs::recursive_directory_iterator{folder_ / one().name()}) {
    if (!entry.is_regular_file())
      continue;
    std::ifstream file{entry.path(), std::ios::binary};
    const std::string bytes{std::istreambuf_iterator<char>{file}, {}};
    EXPECT_EQ(bytes.find(" main: "), std::string::npos) << entry.path();
  }
  ASSERT_TRUE(one().start());
  EXPECT_TRUE(shows(one(), "/counters/c", "1"));
}

TEST_F(Daemon, ServesThoughItsLogGoesToAFullDisk) {
  one().start_by({"sh", "-c", R"(exec "$@" 2>/dev/full)", "sh"});
  one().set_flag("--log.level=debug");
  ASSERT_TRUE(one().start());
  EXPECT_TRUE(always([&] { return serves(); }, 200ms));
  EXPECT_EQ(one().stop(SIGTERM, patience), 0);
}

TEST_F(Daemon, ServesThoughItsLogGoesToAClosedPipe) {
  const auto path = folder_ / "log";
  std::optional<full_pipe> log{std::in_place, path};
  one().start_by({"sh", "-c", R"(exec "$@" 2>)" + path, "sh"});
  one().set_flag("--log.level=debug");
  ASSERT_TRUE(one().start());
  log.reset();
  EXPECT_TRUE(always([&] { return serves(); }, 200ms));
  EXPECT_EQ(one().stop(SIGTERM, patience), 0);
}

} // namespace
} // namespace starling::e2e
