#pragma once

// A clock that carries the values it orders: Dotted Version Vector Sets (Almeida, Baquero,
// Goncalves, Preguica, Fonte, Scalable and Accurate Causality Tracking for Eventually Consistent
// Stores, DAIS 2014), function for function as in the authors' reference implementation.
//
// Per id it knows how many events there were, all of them from the first on, and holds the values
// of the newest ones that nothing has replaced. A writer reads `join` and the values, and hands
// both back with `update`: the new value replaces what the writer had read and stands beside what
// it had not. Anonymous values have no event yet. Where the reference has no answer and raises, the
// result here is nothing. Clocks that contradict each other, one event with two values, do not
// occur and are not noticed.
//
// `or_set` is the case of one mark with a shared history; this is the general clock, and the model
// that the set is tested against.

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace starling::crdt {

template <class Id, class Value>
class dvvset {
public:
  using counter = std::uint64_t;

  /// Per id a number of events, counted from the first: what a reader has observed.
  using version_vector = std::map<Id, counter>;

  /// The events 1..events of one id are known, and the newest of them are still there.
  struct entry {
    counter events = 0;
    std::vector<Value> values; // newest first; never more than `events`
    friend bool operator==(const entry&, const entry&) = default;
  };
  using entry_map = std::map<Id, entry>;

  dvvset() = default;

  /// Requires: no entry has more values than events.
  dvvset(entry_map entries, std::vector<Value> anonymous)
      : entries_(std::move(entries)), anonymous_(std::move(anonymous)) {}

  /// A clock that knows `seen` and holds one anonymous value (the reference's `new`).
  static dvvset of(Value value) { return of({}, std::move(value)); }
  static dvvset of(const version_vector& seen, Value value) {
    return of_list(seen, {std::move(value)});
  }

  /// A clock that knows `seen` and holds any number of anonymous values (`new_list`).
  static dvvset of_list(std::vector<Value> values) { return of_list({}, std::move(values)); }
  static dvvset of_list(const version_vector& seen, std::vector<Value> values) {
    return {empty_entries(seen), std::move(values)};
  }

  /// Everything that either clock knows, without the values that the other knows to be replaced.
  /// Of the anonymous values, those of the newer clock, or of both where neither is newer.
  static dvvset sync(const dvvset& a, const dvvset& b);

  /// The clocks synced from left to right; nothing of none. With anonymous values the order
  /// matters.
  static std::optional<dvvset> sync(const std::vector<dvvset>& clocks);

  /// The one anonymous value of the clock becomes the next event of `id`. Nothing unless there is
  /// exactly one.
  static std::optional<dvvset> update(dvvset clock, const Id& id);

  /// A write: the client's one anonymous value becomes the next event of `id` at the server and
  /// replaces what the client had observed. Nothing unless there is exactly one.
  static std::optional<dvvset> update(const dvvset& client, const dvvset& server, const Id& id);

  /// Whether b knows all events that a knows, and more.
  static bool less(const dvvset& a, const dvvset& b);

  /// Whether both know the same events and hold equally many values of each id; not which values.
  static bool equal(const dvvset& a, const dvvset& b);

  /// The reference's answer for version vectors: only empty ones are equal. Compare them with ==.
  static bool equal(const version_vector& a, const version_vector& b) {
    return a.empty() && b.empty();
  }

  /// Records `value` as the next event of `id`.
  void event(const Id& id, Value value);

  /// What a reader of this clock has observed.
  version_vector join() const;

  /// The number of values.
  std::size_t size() const { return values().size(); }

  /// The ids in ascending order, those without values included.
  std::vector<Id> ids() const;

  /// All values, the anonymous ones first.
  std::vector<Value> values() const;

  /// The last value in an order: the newest value of each id and every anonymous one compete, and a
  /// later one wins where `not_after(earlier, later)`. Nothing without values.
  template <class Order>
  std::optional<Value> last(Order not_after) const;

  /// This clock with the last value in an order, and no other. Nothing without values.
  template <class Order>
  std::optional<dvvset> lww(Order not_after) const;

  /// This clock with the one anonymous value that `combine` makes of all values.
  template <class Combine>
  dvvset reconcile(Combine combine) const {
    return of(join(), combine(values()));
  }

  /// This clock with `change` applied to each value.
  template <class Change>
  dvvset map(Change change) const;

  const entry_map& entries() const { return entries_; }
  const std::vector<Value>& anonymous() const { return anonymous_; }

  friend bool operator==(const dvvset&, const dvvset&) = default;

private:
  /// A value that competes, and the id of its event unless it is anonymous.
  struct candidate {
    const Id* id;
    const Value* value;
  };

  static entry_map empty_entries(const version_vector& seen);
  static void sync(entry& mine, const entry& theirs);

  template <class Order>
  std::optional<candidate> last_candidate(Order not_after) const;

  entry_map entries_;
  std::vector<Value> anonymous_;
};

template <class Id, class Value>
dvvset<Id, Value> dvvset<Id, Value>::sync(const dvvset& a, const dvvset& b) {
  auto result = a;
  for (const auto& [id, theirs] : b.entries_) {
    const auto [mine, is_new] = result.entries_.try_emplace(id, theirs);
    if (!is_new)
      sync(mine->second, theirs);
  }
  if (less(b, a))
    return result;
  if (less(a, b)) {
    result.anonymous_ = b.anonymous_;
    return result;
  }
  result.anonymous_.clear();
  for (const auto* both : {&a.anonymous_, &b.anonymous_})
    for (const auto& value : *both)
      if (std::find(result.anonymous_.begin(), result.anonymous_.end(), value) ==
          result.anonymous_.end())
        result.anonymous_.push_back(value);
  return result;
}

/// The newest values of the side that knows more, as far back as both sides hold what they know.
template <class Id, class Value>
void dvvset<Id, Value>::sync(entry& mine, const entry& theirs) {
  const auto replaced =
      std::max(mine.events - mine.values.size(), theirs.events - theirs.values.size());
  if (theirs.events > mine.events)
    mine = theirs;
  const auto kept = static_cast<std::ptrdiff_t>(mine.events - replaced);
  mine.values.erase(mine.values.begin() + kept, mine.values.end());
}

template <class Id, class Value>
std::optional<dvvset<Id, Value>> dvvset<Id, Value>::sync(const std::vector<dvvset>& clocks) {
  if (clocks.empty())
    return std::nullopt;
  auto result = clocks.front();
  for (auto clock = clocks.begin() + 1; clock != clocks.end(); ++clock)
    result = sync(result, *clock);
  return result;
}

template <class Id, class Value>
std::optional<dvvset<Id, Value>> dvvset<Id, Value>::update(dvvset clock, const Id& id) {
  if (clock.anonymous_.size() != 1)
    return std::nullopt;
  clock.event(id, std::move(clock.anonymous_.front()));
  clock.anonymous_.clear();
  return clock;
}

template <class Id, class Value>
std::optional<dvvset<Id, Value>> dvvset<Id, Value>::update(const dvvset& client,
                                                           const dvvset& server, const Id& id) {
  if (client.anonymous_.size() != 1)
    return std::nullopt;
  auto result = sync(dvvset{client.entries_, {}}, server);
  result.event(id, client.anonymous_.front());
  return result;
}

template <class Id, class Value>
bool dvvset<Id, Value>::less(const dvvset& a, const dvvset& b) {
  bool more = b.entries_.size() > a.entries_.size();
  for (const auto& [id, mine] : a.entries_) {
    const auto theirs = b.entries_.find(id);
    if (theirs == b.entries_.end() || theirs->second.events < mine.events)
      return false;
    more = more || theirs->second.events > mine.events;
  }
  return more;
}

template <class Id, class Value>
bool dvvset<Id, Value>::equal(const dvvset& a, const dvvset& b) {
  return std::equal(a.entries_.begin(), a.entries_.end(), b.entries_.begin(), b.entries_.end(),
                    [](const auto& x, const auto& y) {
                      return x.first == y.first && x.second.events == y.second.events &&
                             x.second.values.size() == y.second.values.size();
                    });
}

template <class Id, class Value>
void dvvset<Id, Value>::event(const Id& id, Value value) {
  auto& [events, values] = entries_[id];
  ++events;
  values.insert(values.begin(), std::move(value));
}

template <class Id, class Value>
typename dvvset<Id, Value>::version_vector dvvset<Id, Value>::join() const {
  version_vector result;
  for (const auto& [id, e] : entries_)
    result.emplace_hint(result.end(), id, e.events);
  return result;
}

template <class Id, class Value>
std::vector<Id> dvvset<Id, Value>::ids() const {
  std::vector<Id> result;
  for (const auto& [id, e] : entries_)
    result.push_back(id);
  return result;
}

template <class Id, class Value>
std::vector<Value> dvvset<Id, Value>::values() const {
  auto result = anonymous_;
  for (const auto& [id, e] : entries_)
    result.insert(result.end(), e.values.begin(), e.values.end());
  return result;
}

template <class Id, class Value>
template <class Order>
std::optional<Value> dvvset<Id, Value>::last(Order not_after) const {
  const auto winner = last_candidate(not_after);
  return winner ? std::optional<Value>{*winner->value} : std::nullopt;
}

template <class Id, class Value>
template <class Order>
std::optional<dvvset<Id, Value>> dvvset<Id, Value>::lww(Order not_after) const {
  const auto winner = last_candidate(not_after);
  if (!winner)
    return std::nullopt;
  dvvset result{empty_entries(join()), {}};
  auto& place = winner->id ? result.entries_[*winner->id].values : result.anonymous_;
  place.push_back(*winner->value);
  return result;
}

template <class Id, class Value>
template <class Order>
std::optional<typename dvvset<Id, Value>::candidate>
dvvset<Id, Value>::last_candidate(Order not_after) const {
  std::optional<candidate> champion;
  const auto compete = [&](const candidate& next) {
    if (!champion || not_after(*champion->value, *next.value))
      champion = next;
  };
  for (const auto& [id, e] : entries_)
    if (!e.values.empty())
      compete({&id, &e.values.front()});
  for (const auto& value : anonymous_)
    compete({nullptr, &value});
  return champion;
}

template <class Id, class Value>
template <class Change>
dvvset<Id, Value> dvvset<Id, Value>::map(Change change) const {
  auto result = *this;
  for (auto& [id, e] : result.entries_)
    std::transform(e.values.begin(), e.values.end(), e.values.begin(), change);
  std::transform(anonymous_.begin(), anonymous_.end(), result.anonymous_.begin(), change);
  return result;
}

template <class Id, class Value>
typename dvvset<Id, Value>::entry_map dvvset<Id, Value>::empty_entries(const version_vector& seen) {
  entry_map result;
  for (const auto& [id, events] : seen)
    result.emplace_hint(result.end(), id, entry{events, {}});
  return result;
}

} // namespace starling::crdt
