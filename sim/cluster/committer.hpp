#pragma once

// Carries changes to the core that commits them in groups, and groups to a simulated disk, in
// virtual time, as the storage actor does.
//
// Where a node is careful each group is synced before anybody is told; where it is not, what was
// committed is synced every now and then.

#include "keyspace/commit_groups.hpp"
#include "sim/cluster/disk.hpp"
#include "sim/cluster/history.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
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

  /// Commits a change, which may be that of a client, and says whether that worked, and how many
  /// changes of its own this node has committed by then.
  using committed =
      std::function<void(const std::optional<keyspace::failure>&, std::uint64_t own_changes)>;
  void commit(storage::batch changed, std::shared_ptr<operation> what, committed then);

  /// Commits a change of this node that changes nothing.
  void count(committed then);

  /// Commits this with what comes next.
  void note(storage::batch changed) { groups_.note(std::move(changed)); }

  // -- the end of the process --

  /// It stops in order: what it was given is committed, and all is synced.
  void stop();

  /// Whether all that was ever committed is there. Requires: nothing else happens in the process.
  bool end(bool power_fails);

private:
  struct change {
    std::shared_ptr<operation> what; // nothing if a peer's
    committed then;
  };
  using operations = std::vector<std::shared_ptr<operation>>;

  template <class Report>
  void report(Report report_to);
  void carry_out(const keyspace::gather& e);
  void carry_out(const keyspace::wait& e);
  void carry_out(const keyspace::write_group& e);
  void carry_out(const keyspace::answer_changes& e);
  void finish_group();
  void forget(const std::shared_ptr<operation>& what, bool power_fails);
  void schedule_sync();

  surroundings around_;
  dice random_;
  duration slowest_;       // commit
  duration sync_interval_; // if not careful
  keyspace::commit_groups groups_;
  std::map<keyspace::commit_ticket, change> changes_; // that are not answered
  keyspace::commit_ticket last_ticket_ = 0;
  std::optional<operations> writing_; // of clients, in the group that is being written
  std::uint64_t groups_written_ = 0;
  duration writing_takes_{0};
  bool is_gathering_ = false;
  std::optional<std::uint64_t> waits_; // its number
  operations unsure_;                  // of a group that failed: they may turn out to be there
  bool has_failed_ = false;
};

} // namespace starling::simulation
