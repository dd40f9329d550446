#pragma once

// The disk of a simulated node: rows that are committed in groups, and what is left of them when
// the process ends or the power fails.
//
// A commit takes a while. If the process ends meanwhile, the group under way is there afterwards,
// whole, or nothing of it is; everything before it is there. If the power fails, what was not
// synced is lost from some group on. A commit may fail, as when the disk is full: then no other is
// taken until the rows are opened again, and only then it shows whether that group is there. Chance
// decides. Some rows may become unreadable, which shows when they are read.

#include "sim/timeline.hpp"
#include "storage/memory_store.hpp"
#include "tests/storage/holed_snapshot.hpp"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace starling::simulation {

class disk : public storage::store {
public:
  using rows = storage::memory_store::rows;
  using group = std::vector<storage::batch>;
  using holes = std::vector<storage::holed_snapshot::hole>;

  explicit disk(dice random, rows initial = {});

  // -- for the process --

  /// Begins to commit some batches. Requires: no commit is under way.
  void begin(group batches, bool synced);

  /// The commit under way is over; why it failed, if it did.
  wire::possible<storage::failure> finish();

  /// Begins and is over at once. Requires: no commit is under way.
  wire::possible<storage::failure> commit(const group& batches, bool synced) override;
  wire::possible<storage::failure> sync() override;
  std::unique_ptr<const storage::snapshot> now() const override;
  std::unique_ptr<const storage::snapshot> now_in_memory() const override { return now(); }

  std::vector<std::string> parts() const override { return {}; }
  wire::possible<storage::failure> verify(const std::string&) const override {
    return std::nullopt;
  }

  /// There are no folders: fails.
  wire::possible<storage::failure> copy_to(const std::string& folder) override;

  // -- mischief --

  /// Lets the next commit or sync fail, and thus all later ones until the rows are opened again.
  void fill() { is_full_ = true; }

  /// From now on rows with such names cannot be read.
  void damage(holes where) { holes_ = std::move(where); }
  const holes& damaged() const { return holes_; }

  /// What would be read if nothing were damaged.
  std::unique_ptr<const storage::snapshot> undamaged() const { return rows_->now(); }

  /// Whether a commit has failed.
  bool has_failed() const { return broken_.has_value(); }

  /// Rows get lost, for good, and nobody notices. Requires: no commit has failed, for what did may
  /// turn out to be there.
  void lose(const storage::batch& erased);

  struct remains {
    bool has_last = false; // the group that was under way, or that failed
    bool is_whole = true;  // nothing that was committed is lost
  };

  /// The process has ended; the rows can be opened again.
  remains reopen(bool after_power_failure);

  /// As for a copy of this disk.
  rows contents() const { return rows_->contents(); }

  /// What is left if some of what was written is missing, while what was written later is there, as
  /// when a file of rows or an older log is gone.
  rows patchwork();

private:
  struct commit_under_way {
    group batches;
    bool synced = false;
  };

  void keep(const group& batches, bool synced);
  void keep_safe();
  wire::possible<storage::failure> failure();

  dice random_;
  std::unique_ptr<storage::memory_store> rows_; // as the process sees them
  storage::memory_store safe_;                  // as they are whatever happens
  std::deque<group> unsynced_;                  // what the former have and the latter have not
  rows initial_;                                // before all
  std::vector<group> written_;                  // since, in order
  std::optional<commit_under_way> under_way_;   // or failed
  std::optional<storage::failure> broken_;
  bool is_full_ = false;
  holes holes_;
};

} // namespace starling::simulation
