#include "replication/value_parts.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <type_traits>
#include <utility>

namespace starling::replication {

namespace {

using crdt::event_number;
using crdt::replica_id;

// What these take in the encoding, at most.
constexpr std::size_t part_bytes = 16;
constexpr std::size_t replica_bytes = 18;
constexpr std::size_t interval_bytes = 20;
constexpr std::size_t member_bytes = 8; // beside its own

/// Cuts a value with such a state.
template <class State>
class cutter {
public:
  using row_type = typename State::row_map::value_type; // a member and its row
  using held_entry = crdt::held_entry<typename State::row>;

  cutter(crdt::type type, std::size_t bytes_max) : type_(type), bytes_max_(bytes_max) {}

  std::vector<std::string> cut(const State& whole) && {
    std::map<replica_id, std::vector<holder>> held;
    std::vector<const row_type*> dead; // rows that hold no event
    for (const auto& row : whole.rows()) {
      bool is_first = true;
      for (const auto& e : State::entries_of(row.second))
        if (e.live)
          held[e.replica].push_back({&row, e.number, std::exchange(is_first, false)});
      if (is_first)
        dead.push_back(&row);
    }
    for (const auto& [replica, events] : whole.seen().replicas()) {
      auto& holders = held[replica];
      if (!std::ranges::is_sorted(holders, {}, &holder::number))
        std::ranges::sort(holders, {}, &holder::number);
      auto at = holders.cbegin();
      for (const auto& [first, last] : events.intervals()) {
        const auto end =
            std::upper_bound(at, holders.cend(), last, [](event_number number, const holder& h) {
              return number < h.number;
            });
        add_events(replica, first, last, at, end);
        at = end;
      }
    }
    for (const auto* row : dead)
      add_row(*row);
    if (!is_empty() || parts_.empty())
      begin();
    return std::move(parts_);
  }

private:
  /// A member of the whole, and which event of a replica holds it.
  struct holder {
    const row_type* row;
    event_number number;
    bool is_first; // the dead entries of a row go with its first live one
  };

  /// All events from one to another that are held are of these holders, in ascending order.
  void add_events(const replica_id& replica, event_number first, event_number last,
                  typename std::vector<holder>::const_iterator held,
                  typename std::vector<holder>::const_iterator end) {
    begin_if_full(bytes_of(replica) + interval_bytes);
    for (; held != end; ++held) {
      const auto& [row, number, is_first] = *held;
      const crdt::entry event{replica, number, true};
      const auto more = is_first ? bytes_of(*row) : bytes_alone(*row) + bytes_of(*row, event);
      if (!is_empty() && bytes_ + more > bytes_max_) {
        claim(replica, first, number - 1);
        begin();
        first = number;
      }
      add(*row, event);
      if (is_first)
        add_dead(*row);
    }
    claim(replica, first, last);
  }

  /// A row that holds no event.
  void add_row(const row_type& row) {
    begin_if_full(bytes_of(row));
    add_dead(row);
  }

  bool is_empty() const { return seen_.empty() && held_.empty(); }

  // What these add to the next part, at most.

  std::size_t bytes_of(const replica_id& replica) const {
    return named_.contains(replica) ? 0 : replica_bytes;
  }

  static std::size_t bytes_alone(const row_type& row) {
    return row.first.data.size() + member_bytes;
  }

  std::size_t bytes_of(const row_type& row, const crdt::entry& e) const {
    return State::bytes_of(row.second, e) + bytes_of(e.replica);
  }

  std::size_t bytes_of(const row_type& row) const {
    auto result = bytes_alone(row);
    for (const auto& e : State::entries_of(row.second))
      result += bytes_of(row, e);
    return result;
  }

  void name(const replica_id& replica) {
    bytes_ += bytes_of(replica);
    named_.insert(replica);
  }

  void begin() {
    const auto is_before = [](const held_entry& a, const held_entry& b) {
      if (a.first == b.first)
        return std::tie(a.second.replica, a.second.number) <
               std::tie(b.second.replica, b.second.number);
      return a.first->first < b.first->first;
    };
    if (!std::ranges::is_sorted(held_, is_before))
      std::ranges::sort(held_, is_before);
    wire::writer out;
    crdt::value::encode_head(out, type_);
    State::encode_part(out, seen_, held_);
    parts_.push_back(std::move(out).take());
    seen_ = {};
    held_.clear();
    named_.clear();
    bytes_ = part_bytes;
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

  void add(const row_type& row, const crdt::entry& e) {
    const bool is_new = held_.empty() || held_.back().first != &row;
    held_.emplace_back(&row, e);
    bytes_ += State::bytes_of(row.second, e) + (is_new ? bytes_alone(row) : 0);
    name(e.replica);
  }

  void add_dead(const row_type& row) {
    for (const auto& e : State::entries_of(row.second))
      if (!e.live)
        add(row, e);
  }

  crdt::type type_;
  std::size_t bytes_max_;
  std::vector<std::string> parts_;
  crdt::causal_context seen_; // of the next part
  std::vector<held_entry> held_;
  std::set<replica_id> named_; // in it
  std::size_t bytes_ = part_bytes;
};

} // namespace

std::vector<std::string> parts_of(const crdt::value& whole, std::size_t bytes_max) {
  return whole.visit_rows([&](const auto& state, auto) {
    return cutter<std::decay_t<decltype(state)>>{whole.type(), bytes_max}.cut(state);
  });
}

} // namespace starling::replication
