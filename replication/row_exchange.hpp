#pragma once

// Making two states of one large value with rows equal, by messages: see
// replication/row_repair.hpp.
//
// One side asks: where the snapshots differ, then for the other side's rows, bit by bit, and at
// last it sends its own. The answering side only answers; it keeps its snapshot until then.

#include "replication/message.hpp"
#include "replication/row_repair.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace starling::replication {

/// The asking side.
class row_asking {
public:
  /// `bytes_max`: of the other side's rows.
  row_asking(std::uint64_t number, crdt::key key, value_snapshot mine, std::size_t message_bytes,
             std::size_t bytes_max);

  const crdt::key& key() const { return key_; }

  /// The snapshot, whole.
  const crdt::value& whole() const { return snapshot_.state(); }

  /// What to say next; the same again until its answer is taken. Nothing when all is said.
  std::optional<row_step> next();

  /// Takes the answer to that; false if it cannot be that.
  bool answered(const answer& a);

  /// The other side's state, once it is read; then nothing again. It may be joined.
  std::optional<crdt::value> theirs() { return std::exchange(theirs_, std::nullopt); }

private:
  enum class stage : std::uint8_t { walking, reading, telling, done };

  crdt::key key_;
  std::uint64_t number_;
  value_snapshot snapshot_;
  repair_walk walk_;
  std::size_t bytes_max_;
  std::vector<std::string> named_; // what the other side lacks
  std::string read_;               // of the other side's rows, so far
  std::optional<crdt::value> theirs_;
  stage stage_ = stage::walking;
};

/// The answering side.
class row_answering {
public:
  row_answering(session_id asking, std::uint64_t number, crdt::key key, value_snapshot mine);

  bool is(session_id asking, const row_step& s) const {
    return asking == asking_ && s.number == number_ && s.key == key_;
  }
  session_id asking() const { return asking_; }

  /// Answers a question with so many bytes at most, rows with fewer. Requires: it is a question of
  /// this comparison.
  void answer_to(const row_step& s, std::size_t walk_bytes, std::size_t row_bytes, answer& into);

  /// The asking side's state, put together of its rows; nothing if they do not fit.
  std::optional<crdt::value> theirs(const snapshot_rows& rows) const;

private:
  session_id asking_;
  std::uint64_t number_;
  crdt::key key_;
  value_snapshot snapshot_;
  std::set<std::string> wanted_;
  std::string rows_; // encoded, once they are asked for
};

} // namespace starling::replication
