#pragma once

// Which events someone has heard of: per replica a set of numbers, kept as intervals.
//
// Usually every replica has the one interval [1..n], a version vector; gaps appear while deltas are
// on their way. An interval claims exactly the events in it: a context never says more than its
// owner carries or carried.

#include "crdt/replica_id.hpp"

#include <map>
#include <optional>
#include <vector>

namespace starling::crdt {

/// The events first, first + 1, ..., last. 1 <= first <= last.
struct interval {
  event_number first;
  event_number last;

  friend bool operator==(const interval&, const interval&) = default;
};

/// A set of event numbers of one replica: sorted intervals with a gap between each two.
class interval_set {
public:
  bool empty() const { return intervals_.empty(); }
  const std::vector<interval>& intervals() const { return intervals_; }

  /// The end of the interval that starts at 1, or 0.
  event_number prefix() const;

  /// The largest number, or 0.
  event_number last() const;

  bool contains(event_number n) const;
  void insert(interval added);

  /// What is in this set and not in the other.
  interval_set minus(const interval_set& other) const;

  friend bool operator==(const interval_set&, const interval_set&) = default;

private:
  std::vector<interval> intervals_;
};

class causal_context {
public:
  using map_type = std::map<replica_id, interval_set>;

  bool empty() const { return replicas_.empty(); }

  /// Replicas with at least one event, in ascending order.
  const map_type& replicas() const { return replicas_; }

  event_number prefix(const replica_id& replica) const;
  event_number last(const replica_id& replica) const;
  bool contains(const dot& event) const;

  void insert(const dot& event) { insert(event.replica, {event.number, event.number}); }
  void insert(const replica_id& replica, interval events);

  /// Takes in the other's events; returns those that were new.
  causal_context join(const causal_context& other);

  /// The events that are in both.
  causal_context common_with(const causal_context& other) const;

  friend bool operator==(const causal_context&, const causal_context&) = default;

private:
  map_type replicas_;
};

} // namespace starling::crdt
