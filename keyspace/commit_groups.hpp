#pragma once

// The state machine that commits changes in groups: what goes together, and who is answered what.
//
// What comes while one group is being written is the next group: so the number of syncs follows
// from the disk and not from the number of writes. Where a commit takes long, those who are
// answered get a moment to be in the next group as well: clients that send their next write after
// each answer would else end up in two groups that wait for each other.
//
// Once a commit has failed none is tried any more: what failed may turn out to be there after the
// next start, or not. Each node counts the changes of its own that it commits, in the batch of each
// group (replication/tallies.hpp).
//
// This is a value: it does no I/O and knows no time. What it wants done comes out as effects.

#include "keyspace/answers.hpp"
#include "storage/store.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

namespace starling::keyspace {

/// Names a change until it is answered.
using commit_ticket = std::uint64_t;

/// Take all that has come by now; then report `gathered`.
struct gather {};

/// Report `waited` after so long.
struct wait {
  std::uint64_t number; // of the wait
  std::chrono::nanoseconds length;
};

/// Write all of this or nothing; report `written` or `failed`.
struct write_group {
  std::vector<storage::batch> batches;
  std::vector<commit_ticket> changes; // those who are answered then
  bool synced;
};

/// All of these are committed, or none is. Changes are answered in the order in which they came.
struct answer_changes {
  std::vector<commit_ticket> to;
  std::uint64_t own_changes; // of this node, that are committed by now
  std::optional<failure> why{};
};

using commit_effect = std::variant<gather, wait, write_group, answer_changes>;
using commit_effects = std::vector<commit_effect>;

class commit_groups {
public:
  /// `own_changes`: that the disk has. `synced`: each group survives a power failure before anybody
  /// is answered.
  commit_groups(std::uint64_t own_changes, bool synced)
      : own_changes_(own_changes), synced_(synced) {}

  // -- inputs --

  /// A change is to be committed; `is_own`: it numbers an event of this node.
  void add(commit_ticket who, storage::batch change, bool is_own, commit_effects& out);

  /// This is to be committed with what comes next. Nobody is answered.
  void note(storage::batch change);

  void gathered(commit_effects& out);
  void waited(std::uint64_t number, commit_effects& out);

  /// The group is written, and that took so long.
  void written(std::chrono::nanoseconds took, commit_effects& out);

  /// The group could not be written; `may_be_there`: nobody knows whether it will be there after
  /// the next start. The reason goes for all that comes later.
  void failed(const failure& why, bool may_be_there, commit_effects& out);

  /// Something else has failed, so nothing is written any more.
  void give_up(const failure& why, commit_effects& out);

  // -- views --

  std::uint64_t own_changes() const { return own_changes_; }
  const std::optional<failure>& failure_of_all() const { return failure_; }

private:
  /// What goes on until the next group is written.
  enum class stage : std::uint8_t {
    idle,        // nothing came
    gathering,   // what has come
    writing,     // a group
    catching_up, // what came while a group was written that took long
    waiting,     // for those whom that group answered
  };

  /// After a commit that took so long, those who were answered are waited for, for a part of that
  /// time. Where commits are faster, waiting costs more than it saves.
  static constexpr std::chrono::milliseconds slow_commit{2};
  static constexpr int wait_divisor = 2;

  void begin_to_gather(stage s, commit_effects& out);
  void write(commit_effects& out);
  void answer_all(std::vector<commit_ticket> to, std::optional<failure> why, commit_effects& out);

  std::uint64_t own_changes_; // committed
  bool synced_;
  stage stage_ = stage::idle;
  std::vector<storage::batch> waiting_;
  std::vector<commit_ticket> waiting_tickets_; // of those
  std::uint64_t own_waiting_ = 0;              // how many of those are this node's own
  std::vector<storage::batch> notes_;
  std::vector<commit_ticket> group_; // that is being written
  std::uint64_t own_in_group_ = 0;
  std::size_t missing_ = 0; // of those that a slow commit answered
  std::chrono::nanoseconds last_took_{0};
  std::uint64_t last_wait_ = 0; // its number
  std::optional<failure> failure_;
};

} // namespace starling::keyspace
