#pragma once

// A counter that every replica may raise and lower (Shapiro et al., A comprehensive study of
// CRDTs, 3.1.3).
//
// Per replica it keeps how much that replica ever added and how much it ever took away; only the
// replica itself changes its two totals, and they only grow, so the join is the larger of each. The
// totals are 128 bits wide: requests that alternate between the ends of the 64-bit range pass 64
// bits quickly. The value is a signed 64-bit integer: a request that would leave that range is
// refused, and where the replicas together have left it, the reading is the nearest end and says
// so.
//
// A delta carries both totals of a replica that changed one of them. So whoever joins a later delta
// and not an earlier one still holds totals that were there at one time.

#include "crdt/replica_id.hpp"

#include <map>
#include <optional>
#include <string_view>

namespace starling::crdt {

class pn_counter {
public:
  using total = wire::uint128;

  /// What one replica did. Never both zero.
  struct entry {
    total added = 0;
    total removed = 0;
    friend bool operator==(const entry&, const entry&) = default;
  };

  struct reading {
    std::int64_t value = 0;
    bool saturated = false; // the true value lies beyond the 64-bit range
    friend bool operator==(const reading&, const reading&) = default;
  };

  reading read() const;

  /// Adds `amount`, which may be negative but not zero; returns the delta. Nothing, and no change,
  /// when the value would leave the 64-bit range (or move further beyond it).
  std::optional<pn_counter> add(const replica_id& self, std::int64_t amount);

  /// Takes in the other's totals; returns what was new, or nothing.
  std::optional<pn_counter> join(const pn_counter& other);

  bool empty() const { return entries_.empty(); }
  std::size_t elements() const { return entries_.size(); }
  const std::map<replica_id, entry>& entries() const { return entries_; }

  void encode(wire::writer& out) const;
  static pn_counter decode(wire::reader& in);

  friend bool operator==(const pn_counter&, const pn_counter&) = default;

private:
  std::map<replica_id, entry> entries_;
};

} // namespace starling::crdt
