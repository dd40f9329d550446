// What is there after the power was lost, or the disk failed, at any moment.

#include "tests/storage/disk/losing_disk.hpp"
#include "tests/storage/rows.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>

namespace starling::storage {
namespace {

std::string what_failed(const std::optional<failure>& why) {
  return why ? why->what : "";
}

using fault = losing_disk::fault;

/// Some lives of rows on one disk, with a fault in each. What the rows may be is what they were
/// after some commit: the last one that must survive, or one that was begun since.
class lives {
public:
  lives(unsigned seed, fault what)
      : fault_(what), random_(seed), disk_(std::make_shared<losing_disk>(made_graveyard(), seed)),
        env_(machine_with(disk_)) {}

  /// Opens the rows, commits, and ends, with a fault on the way.
  void live() {
    const bool lasting = random_() % 2 == 0;
    disk_->fail_at(1 + random_() % 250, fault_, lasting);
    auto result = open_rocks_store(path_, settings());
    if (auto* found = std::get_if<opened>(&result))
      use(*found->rows);
    result = failure{};
    if (fault_ == fault::power) {
      disk_->lose_power();
      ++boot_;
    } else {
      disk_->settle();
    }
  }

  /// Opens the rows on a sound disk.
  void check() {
    const auto found = open_rows(path_, settings());
    adopt(*found.rows);
    commit(*found.rows, true);
    EXPECT_EQ(failed_, std::nullopt);
    failed_ = std::nullopt;
  }

private:
  std::string made_graveyard() {
    const auto result = folder_ / "graveyard";
    std::filesystem::create_directory(result);
    return result;
  }

  rocks_settings settings() {
    // The smallest write buffers there are, so that they are flushed on the way.
    return {.block_cache_bytes = std::size_t{1} << 20,
            .write_buffer_bytes = std::size_t{64} << 10,
            .env = env_.get(),
            .boot = std::to_string(boot_)};
  }

  void use(store& rows) {
    adopt(rows);
    for (auto commits = random_() % 40; commits > 0 && !failed_; --commits)
      commit(rows, random_() % 4 != 0);
    if (failed_) {
      EXPECT_EQ(what_failed(rows.commit({putting({{"late", ""}})}, true)), failed_->what);
      EXPECT_EQ(what_failed(rows.sync()), failed_->what);
    }
    failed_ = std::nullopt;
  }

  /// Finds out which of the possible states the rows are in; there is no other from then on.
  void adopt(const store& rows) {
    const auto shown = all_rows(rows);
    const auto found = std::find(states_.begin(), states_.end(), shown);
    ASSERT_TRUE(found != states_.end()) << "the rows are none that were committed";
    states_ = {shown};
  }

  void commit(store& rows, bool synced) {
    auto next = states_.back();
    std::vector<batch> batches(1 + random_() % 3);
    for (auto& changes : batches)
      for (auto left = random_() % 4; left > 0; --left)
        change(changes, next);
    states_.push_back(next);
    failed_ = rows.commit(batches, synced);
    if (!failed_ && (synced || fault_ != fault::power))
      states_ = {next};
  }

  void change(batch& changes, row_map& next) {
    const auto name = std::to_string(random_() % 30);
    if (random_() % 4 == 0) {
      changes.erase(name);
      next.erase(name);
      return;
    }
    next[name] = std::string(random_() % 5000, static_cast<char>('a' + random_() % 26));
    changes.put(name, next[name]);
  }

  fault fault_;
  temporary_folder folder_;
  std::string path_ = folder_ / "rows";
  std::mt19937 random_;
  std::shared_ptr<losing_disk> disk_;
  std::unique_ptr<rocksdb::Env> env_;
  int boot_ = 1;
  std::vector<row_map> states_{{}};
  std::optional<failure> failed_;
};

/// STARLING_STORAGE_SEED gives the only seed, if it is set.
void for_seeds(unsigned count, const std::function<void(unsigned)>& run) {
  if (const auto* only = std::getenv("STARLING_STORAGE_SEED"))
    return run(static_cast<unsigned>(std::stoul(only)));
  for (unsigned seed = 1; seed <= count && !::testing::Test::HasFailure(); ++seed)
    run(seed);
}

void run_with(fault what, unsigned seed) {
  SCOPED_TRACE("STARLING_STORAGE_SEED=" + std::to_string(seed));
  lives rows{seed, what};
  for (int life = 0; life < 3; ++life)
    rows.live();
  rows.check();
  rows.check();
}

TEST(PowerLoss, LosesNoSyncedCommitAndNoPartOfOne) {
  for_seeds(200, [](unsigned seed) { run_with(fault::power, seed); });
}

TEST(PowerLoss, OfNoneButAnErrorLosesNoCommitEither) {
  for_seeds(60, [](unsigned seed) { run_with(fault::error, seed); });
}

TEST(PowerLoss, OfNoneButAFullDiskLosesNoCommitEither) {
  for_seeds(60, [](unsigned seed) { run_with(fault::no_space, seed); });
}

} // namespace
} // namespace starling::storage
