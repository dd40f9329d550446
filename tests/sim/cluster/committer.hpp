#pragma once

// What the storage actor does, in virtual time: it commits what the keys change, in groups.
//
// Where a node is careful each group is synced before anybody is told; where it is not, what was
// committed is synced every now and then.

#include "tests/sim/cluster/disk.hpp"
#include "tests/sim/cluster/history.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace starling::simulation {

class committer {
public:
  struct surroundings {
    history& past;
    disk& rows;
    bool is_careful;
    std::uint64_t changes; // of this node, that the disk has

    /// Lets something happen in the process after a while.
    std::function<void(duration, std::function<void()>)> after;

    /// Tells a key, in a moment.
    std::function<void(std::function<void()>)> tell;
  };

  committer(surroundings around, dice random);

  // Events refer to the committer.
  committer(const committer&) = delete;
  committer& operator=(const committer&) = delete;

  /// Commits a change, which may be that of a client, and says whether that worked.
  void commit(storage::batch changed, std::shared_ptr<operation> what,
              std::function<void(bool)> then);

  /// Commits this with what comes next.
  void note(storage::batch changed) { notes_.push_back(std::move(changed)); }

  /// How many changes of this node are committed.
  std::uint64_t changes() const { return changes_; }

  // -- the end of the process --

  /// It stops in order: what it was given is committed, and all is synced.
  void stop();

  /// Whether all that was ever committed is there. Requires: nothing else happens in the process.
  bool end(bool power_fails);

private:
  struct change {
    storage::batch rows;
    std::shared_ptr<operation> what; // nothing if a peer's
    std::function<void(bool)> then;
  };
  using group = std::vector<change>;

  void begin_group();
  void finish_group();
  void schedule_sync();
  void note_done(const group& done);

  surroundings around_;
  dice random_;
  duration slowest_;       // commit
  duration sync_interval_; // if not careful
  group waiting_;
  group group_; // under way, or the one that failed, if any
  std::vector<storage::batch> notes_;
  std::uint64_t changes_;       // committed
  std::uint64_t changes_to_be_; // once the group under way is
  bool is_busy_ = false;
  bool has_failed_ = false;
};

} // namespace starling::simulation
