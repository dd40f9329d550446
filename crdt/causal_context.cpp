#include "crdt/causal_context.hpp"

#include <algorithm>

namespace starling::crdt {

event_number interval_set::prefix() const {
  return !intervals_.empty() && intervals_.front().first == 1 ? intervals_.front().last : 0;
}

event_number interval_set::last() const {
  return intervals_.empty() ? 0 : intervals_.back().last;
}

bool interval_set::contains(event_number n) const {
  const auto after =
      std::upper_bound(intervals_.begin(), intervals_.end(), n,
                       [](event_number x, const interval& i) { return x < i.first; });
  return after != intervals_.begin() && n <= std::prev(after)->last;
}

void interval_set::insert(interval added) {
  // The run of intervals that overlap or touch the new one becomes one with it.
  const auto begin =
      std::lower_bound(intervals_.begin(), intervals_.end(), added.first,
                       [](const interval& i, event_number n) { return i.last + 1 < n; });
  auto end = begin;
  for (; end != intervals_.end() && end->first <= added.last + 1; ++end) {
    added.first = std::min(added.first, end->first);
    added.last = std::max(added.last, end->last);
  }
  if (begin == end) {
    intervals_.insert(begin, added);
  } else {
    *begin = added;
    intervals_.erase(begin + 1, end);
  }
}

interval_set interval_set::minus(const interval_set& other) const {
  interval_set result;
  auto cut = other.intervals_.begin();
  for (auto [first, last] : intervals_) {
    while (cut != other.intervals_.end() && cut->last < first)
      ++cut;
    for (auto c = cut; first <= last && c != other.intervals_.end() && c->first <= last; ++c) {
      if (first < c->first)
        result.intervals_.push_back({first, c->first - 1});
      first = c->last + 1;
    }
    if (first <= last)
      result.intervals_.push_back({first, last});
  }
  return result;
}

event_number causal_context::prefix(const replica_id& replica) const {
  const auto found = replicas_.find(replica);
  return found == replicas_.end() ? 0 : found->second.prefix();
}

event_number causal_context::last(const replica_id& replica) const {
  const auto found = replicas_.find(replica);
  return found == replicas_.end() ? 0 : found->second.last();
}

bool causal_context::contains(const dot& event) const {
  const auto found = replicas_.find(event.replica);
  return found != replicas_.end() && found->second.contains(event.number);
}

void causal_context::insert(const replica_id& replica, interval events) {
  replicas_[replica].insert(events);
}

causal_context causal_context::join(const causal_context& other) {
  causal_context news;
  for (const auto& [replica, theirs] : other.replicas_) {
    auto& ours = replicas_[replica];
    auto fresh = theirs.minus(ours);
    if (fresh.empty())
      continue;
    for (const auto& events : fresh.intervals())
      ours.insert(events);
    news.replicas_.emplace_hint(news.replicas_.end(), replica, std::move(fresh));
  }
  return news;
}

causal_context causal_context::common_with(const causal_context& other) const {
  causal_context result;
  for (const auto& [replica, ours] : replicas_) {
    const auto found = other.replicas_.find(replica);
    if (found == other.replicas_.end())
      continue;
    const auto common = ours.minus(ours.minus(found->second));
    for (const auto& events : common.intervals())
      result.insert(replica, events);
  }
  return result;
}

} // namespace starling::crdt
