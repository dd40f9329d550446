// What is there after a process was killed while it committed.

#include "tests/storage/disk/child.hpp"
#include "tests/storage/rows.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <csignal>
#include <fcntl.h>
#include <random>
#include <unistd.h>

namespace starling::storage {
namespace {

std::string name_of(int commit) {
  return "commit " + std::to_string(commit);
}

/// Two rows, far from each other in order.
row_map rows_of(int commit, std::size_t bytes_max) {
  const auto bytes = static_cast<std::size_t>(commit % 7) * bytes_max / 6;
  return {{"a " + name_of(commit), std::string(bytes, 'a')},
          {"z " + name_of(commit), std::string(bytes / 2, 'z')}};
}

/// Commits until it is killed, and tells each commit. Every eighth is synced.
void commit_on(std::size_t bytes_max) {
  const auto folder = child_argument();
  if (folder.empty())
    GTEST_SKIP() << "this runs in a child of another test";
  const auto found = open_rows(folder);
  int next = 0;
  while (value_of(*found.rows->now(), "a " + name_of(next)))
    ++next;
  for (;; ++next)
    if (found.rows->commit({putting(rows_of(next, bytes_max))}, next % 8 == 0) ||
        ::write(told_through, &next, sizeof(next)) != sizeof(next))
      ::_exit(1);
}

constexpr std::size_t few_bytes = 400;
constexpr std::size_t many_bytes = 300'000;

TEST(KilledChild, DISABLED_CommitterOfSmallRows) {
  commit_on(few_bytes);
}
TEST(KilledChild, DISABLED_CommitterOfLargeRows) {
  commit_on(many_bytes);
}

/// The last commit that the child tells of, after `enough` of them or when it has ended.
int last_told(int from, int enough) {
  int last = -1;
  int told = 0;
  while (enough-- > 0 && ::read(from, &told, sizeof(told)) == sizeof(told))
    last = told;
  return last;
}

class Killed : public ::testing::Test {
protected:
  /// Lets a child commit for a while and kills it. The last commit that it told of.
  int killed_after_a_while(const std::string& committer) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const auto child = start_child("KilledChild.DISABLED_" + committer, path, ends[1]);
    ::close(ends[1]);
    const int before = last_told(ends[0], 1 + static_cast<int>(random() % 40));
    ::usleep(random() % 2000);
    ::kill(child, SIGKILL);
    EXPECT_EQ(status_of(child), 128 + SIGKILL);
    const int after = last_told(ends[0], std::numeric_limits<int>::max());
    ::close(ends[0]);
    return std::max(before, after);
  }

  /// Each commit is there whole, from the first to the last one told or one after it.
  static void check(const store& rows, int last, std::size_t bytes_max) {
    const auto all = all_rows(rows);
    EXPECT_EQ(all.size() % 2, 0u) << "a commit is there in part";
    const auto held = static_cast<int>(all.size() / 2);
    EXPECT_GE(held, last + 1);
    EXPECT_LE(held, last + 2);
    for (int commit = 0; commit < held; ++commit)
      for (const auto& [name, value] : rows_of(commit, bytes_max)) {
        const auto row = all.find(name);
        ASSERT_TRUE(row != all.end() && row->second == value) << name;
      }
  }

  temporary_folder folder;
  const std::string path = folder / "rows";
  std::minstd_rand random{std::random_device{}()};
};

TEST_F(Killed, LosesNothingThatWasCommittedAndTellsNoDamage) {
  for (int round = 0; round < 50; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const int last = killed_after_a_while("CommitterOfSmallRows");
    const auto found = open_rows(path);
    check(*found.rows, last, few_bytes);
    EXPECT_EQ(found.damage, std::nullopt);
  }
}

// What takes RocksDB several writes may end anywhere; nothing tells that from damage.
TEST_F(Killed, LosesNothingThatWasCommittedInLargeParts) {
  for (int round = 0; round < 10; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const int last = killed_after_a_while("CommitterOfLargeRows");
    check(*open_rows(path).rows, last, many_bytes);
  }
}

} // namespace
} // namespace starling::storage
