#pragma once

// The deltas that some peer may still lack, numbered in the order in which this node learned them.
//
// The log holds only what was new here: deltas of own writes and novelties of joins. It is bounded
// in bytes: past the bound the oldest entries go, and a peer that lacked one of them is sent whole
// states instead.

#include "crdt/value.hpp"
#include "replication/message.hpp"

#include <deque>
#include <optional>

namespace starling::replication {

class delta_log {
public:
  struct entry {
    encoded_item delta; // as it will travel: a decoded value takes many times the space
    std::optional<session_id> heard_from; // nothing for a write of our own
  };

  explicit delta_log(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  /// Appends an entry and drops the oldest ones beyond the bound (the newest one too, if it alone
  /// is beyond it).
  void append(crdt::key key, const crdt::value& delta, std::optional<session_id> heard_from);

  /// Drops the entries up to `number`.
  void drop_through(std::uint64_t number);

  /// The number of the newest entry that ever was; 0 at first.
  std::uint64_t last() const { return first_ + entries_.size() - 1; }

  /// Whether all entries above `cursor` are still here.
  bool reaches_back_to(std::uint64_t cursor) const { return cursor + 1 >= first_; }

  /// Requires: an entry of that number is here.
  const entry& at(std::uint64_t number) const { return entries_[number - first_]; }

  std::size_t size() const { return entries_.size(); }
  std::size_t bytes() const { return bytes_; }

private:
  void drop_first();

  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::uint64_t first_ = 1; // the number of entries_.front()
  std::deque<entry> entries_;
};

} // namespace starling::replication
