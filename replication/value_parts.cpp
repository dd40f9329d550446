#include "replication/value_parts.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace starling::replication {

namespace {

using crdt::event_number;
using crdt::or_set;
using crdt::replica_id;

// What these take in the encoding, at most.
constexpr std::size_t set_bytes = 16;
constexpr std::size_t replica_bytes = 18;
constexpr std::size_t interval_bytes = 20;
constexpr std::size_t member_bytes = 8; // beside its own
constexpr std::size_t entry_bytes = 12;

/// A member of the whole, and which of its events is in it.
struct holder {
  const or_set::clock_map::value_type* row;
  const or_set::entry* event;

  /// The dead entries of a row go with its first live one.
  bool is_first() const {
    return event == &*std::ranges::find_if(row->second, &or_set::entry::live);
  }
};

class cutter {
public:
  explicit cutter(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  /// All events from one to another that are held are of these holders, in ascending order.
  void cut(const replica_id& replica, event_number first, event_number last,
           std::vector<holder>::const_iterator held, std::vector<holder>::const_iterator end) {
    begin_if_full(bytes_of(replica) + interval_bytes);
    for (; held != end; ++held) {
      const auto& [row, event] = *held;
      if (!is_empty() && bytes_ + bytes_of(*held) > bytes_max_) {
        claim(replica, first, event->number - 1);
        begin();
        first = event->number;
      }
      add(*row, *event);
      if (held->is_first())
        add_dead(*row);
    }
    claim(replica, first, last);
  }

  /// A row that holds no event.
  void add_row(const or_set::clock_map::value_type& row) {
    begin_if_full(bytes_of(row));
    add_dead(row);
  }

  std::vector<std::string> take() && {
    if (!is_empty() || parts_.empty())
      begin();
    return std::move(parts_);
  }

private:
  bool is_empty() const { return seen_.empty() && held_.empty(); }

  /// What these add to the next part, at most.

  std::size_t bytes_of(const replica_id& replica) const {
    return named_.contains(replica) ? 0 : replica_bytes;
  }

  std::size_t bytes_of(const or_set::clock_map::value_type& row) const {
    auto result = row.first.data.size() + member_bytes;
    for (const auto& e : row.second)
      result += entry_bytes + bytes_of(e.replica);
    return result;
  }

  std::size_t bytes_of(const holder& h) const {
    return h.is_first()
               ? bytes_of(*h.row)
               : h.row->first.data.size() + member_bytes + entry_bytes + bytes_of(h.event->replica);
  }

  void name(const replica_id& replica) {
    bytes_ += bytes_of(replica);
    named_.insert(replica);
  }

  void begin() {
    const auto is_before = [](const or_set::held_entry& a, const or_set::held_entry& b) {
      if (a.first == b.first)
        return a.second.replica < b.second.replica;
      return *a.first < *b.first;
    };
    if (!std::ranges::is_sorted(held_, is_before))
      std::ranges::sort(held_, is_before);
    parts_.push_back(crdt::value::encode_set(seen_, held_));
    seen_ = {};
    held_.clear();
    named_.clear();
    bytes_ = set_bytes;
  }

  void begin_if_full(std::size_t more) {
    if (!is_empty() && bytes_ + more > bytes_max_)
      begin();
  }

  void claim(const replica_id& replica, event_number first, event_number last) {
    if (first > last)
      return;
    seen_.insert(replica, {first, last});
    bytes_ += interval_bytes;
    name(replica);
  }

  void add(const or_set::clock_map::value_type& row, const or_set::entry& e) {
    const bool is_new = held_.empty() || held_.back().first != &row.first;
    held_.emplace_back(&row.first, e);
    bytes_ += entry_bytes + (is_new ? row.first.data.size() + member_bytes : 0);
    name(e.replica);
  }

  void add_dead(const or_set::clock_map::value_type& row) {
    for (const auto& e : row.second)
      if (!e.live)
        add(row, e);
  }

  std::size_t bytes_max_;
  std::vector<std::string> parts_;
  crdt::causal_context seen_; // of the next part
  std::vector<or_set::held_entry> held_;
  std::set<replica_id> named_; // in it
  std::size_t bytes_ = set_bytes;
};

} // namespace

std::vector<std::string> parts_of(const or_set& whole, std::size_t bytes_max) {
  std::map<replica_id, std::vector<holder>> held;
  std::vector<const or_set::clock_map::value_type*> dead; // rows that hold no event
  for (const auto& row : whole.clocks()) {
    bool is_live = false;
    for (const auto& e : row.second)
      if (e.live) {
        held[e.replica].push_back({&row, &e});
        is_live = true;
      }
    if (!is_live)
      dead.push_back(&row);
  }
  cutter parts{bytes_max};
  for (const auto& [replica, events] : whole.seen().replicas()) {
    auto& holders = held[replica];
    const auto number_of = [](const holder& h) { return h.event->number; };
    if (!std::ranges::is_sorted(holders, {}, number_of))
      std::ranges::sort(holders, {}, number_of);
    auto at = holders.cbegin();
    for (const auto& [first, last] : events.intervals()) {
      const auto end =
          std::upper_bound(at, holders.cend(), last, [](event_number number, const holder& h) {
            return number < h.event->number;
          });
      parts.cut(replica, first, last, at, end);
      at = end;
    }
  }
  for (const auto* row : dead)
    parts.add_row(*row);
  return std::move(parts).take();
}

} // namespace starling::replication
