#include "actors/verifier.hpp"
#include "disk_fixture.hpp"

namespace starling::actors {
namespace {

using namespace std::chrono_literals;

/// Rows in parts, of which some are damaged.
class store_in_parts : public counting_store {
public:
  std::vector<std::string> parts() const override { return names; }
  wire::possible<storage::failure> verify(const std::string& part) const override {
    read.push_back(part);
    return what_is_wrong;
  }

  std::vector<std::string> names{"a", "b", "c"};
  mutable std::vector<std::string> read;
  std::optional<storage::failure> what_is_wrong;
};

class Verifier : public actor_test {
protected:
  void start(std::chrono::milliseconds interval = 1h) {
    track(spawn_verifier(
        sys, {.rows = rows, .disk = disk.handle(), .interval = interval, .has_own_thread = false}));
  }

  using names = std::vector<std::string>;
  std::shared_ptr<store_in_parts> rows = std::make_shared<store_in_parts>();
  told_disk disk{sys};
};

TEST_F(Verifier, ReadsOnePartAfterTheOther) {
  start();
  EXPECT_TRUE(rows->read.empty()) << "the start goes first";
  advance(1s);
  EXPECT_EQ(rows->read.size(), 1u) << "others have the disk, too";
  advance(10s);
  EXPECT_EQ(rows->read, (names{"a", "b", "c"}));
  EXPECT_TRUE(disk.said().empty());
}

TEST_F(Verifier, BeginsAnewAfterTheInterval) {
  start();
  advance(10s);
  rows->names = {"b", "d"};
  advance(1h);
  advance(10s);
  EXPECT_EQ(rows->read, (names{"a", "b", "c", "b", "d"}));
}

TEST_F(Verifier, TellsWhatIsDamaged) {
  rows->what_is_wrong = {storage::trouble::corrupted, "a flipped bit"};
  start();
  advance(1s);
  EXPECT_EQ(disk.said(), std::vector{*rows->what_is_wrong});
}

TEST_F(Verifier, LooksAgainWhereThereIsNothingYet) {
  rows->names.clear();
  start(1min);
  advance(10s);
  rows->names = {"a"};
  advance(1min);
  EXPECT_EQ(rows->read, (names{"a"}));
}

} // namespace
} // namespace starling::actors
