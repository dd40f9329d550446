#pragma once

// A register whose last write wins, by a hybrid logical clock (Kulkarni et al., Logical Physical
// Clocks, 3).
//
// A write is stamped above the wall clock and above the write it replaces, so on one node a later
// write never loses to an earlier one, however wrong the clock is. Concurrent writes are ordered by
// stamp, then replica id, then payload: a total order, so the join is a maximum and needs no clock.
// No join refuses a stamp for being in the future; the fixed bounds below leave 2^62 writes above
// any stamp that a wall clock can give.

#include "crdt/payload.hpp"
#include "crdt/replica_id.hpp"

#include <compare>
#include <optional>

namespace starling::crdt {

class lww_register {
public:
  /// Microseconds since 1970, or the successor of an earlier stamp. Always below 2^63.
  using stamp = std::uint64_t;
  static constexpr stamp wall_limit = stamp{1} << 62;
  static constexpr stamp stamp_limit = stamp{1} << 63;

  struct write {
    stamp when = 0;
    replica_id by;
    payload what;
    friend auto operator<=>(const write&, const write&) = default;
  };

  /// The winning write; nothing before the first.
  const std::optional<write>& current() const { return current_; }

  /// Writes `what`; returns the delta. A wall reading at or above `wall_limit` is ignored. Nothing,
  /// and no change, when no stamp is left above the current one.
  std::optional<lww_register> assign(const replica_id& self, stamp wall, payload what);

  /// Takes the later write; returns it if it was the other's, or nothing.
  std::optional<lww_register> join(const lww_register& other);

  bool empty() const { return !current_; }
  std::size_t elements() const { return current_ ? 1 : 0; }

  void encode(wire::writer& out) const;
  static lww_register decode(wire::reader& in);

  friend bool operator==(const lww_register&, const lww_register&) = default;

private:
  std::optional<write> current_;
};

} // namespace starling::crdt
