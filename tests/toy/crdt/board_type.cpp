#include "crdt/board_type.hpp"

#include <algorithm>

namespace starling::crdt {

namespace {

payload text(std::string x) {
  return {payload_kind::text, std::move(x)};
}

void encode_events(wire::writer& out, const board::row& r) {
  for (const auto& [event, score] : r) {
    encode(out, event.replica);
    out.varint(event.number);
    out.varint(score);
  }
}

/// Adds an event to a row; they are in ascending order.
void decode_event(wire::reader& in, board::row& into) {
  dot event{decode_replica_id(in), in.varint()};
  const auto score = in.varint();
  if (event.number == 0 || event.number > event_number_max)
    in.fail("event number out of range");
  if (!into.empty() && event <= into.rbegin()->first)
    in.fail("events are not in ascending order");
  into.emplace(event, score);
}

board_view view(const board& x, const std::vector<payload>& names) {
  board_view result;
  result.cardinality = x.rows().size();
  for (const auto& name : names) {
    const auto found = x.rows().find(name);
    auto& [shown, score] = result.scores.emplace_back(name.data, std::nullopt);
    if (found != x.rows().end())
      score = board::score_of(found->second);
  }
  return result;
}

board_view show(const board& x, whole_value) {
  std::vector<payload> all;
  for (const auto& [name, events] : x.rows())
    all.push_back(name);
  return view(x, all);
}

board_view show(const board& x, const member_page& page) {
  std::vector<payload> some;
  auto at = page.after ? x.rows().upper_bound(text(*page.after)) : x.rows().begin();
  for (; at != x.rows().end() && some.size() < page.limit; ++at)
    some.push_back(at->first);
  auto result = view(x, some);
  if (at != x.rows().end())
    result.next = some.back().data;
  return result;
}

board_view show(const board& x, const one_member& one) {
  return view(x, {one.member});
}

} // namespace

// -- the state --

std::uint64_t board::score_of(const row& r) {
  std::uint64_t result = 0;
  for (const auto& [event, score] : r)
    result = std::max(result, score);
  return result;
}

std::optional<board> board::change(const replica_id& self, const board_change& what) {
  board delta;
  const auto drop = [&](const payload& name) {
    for (const auto& [event, score] : rows_[name])
      delta.seen_.insert(event);
    rows_.erase(name);
  };
  for (const auto& [name, score] : what.put) {
    drop(text(name));
    const dot event{self, seen_.last(self) + 1};
    for (auto* one : {this, &delta}) {
      one->seen_.insert(event);
      one->rows_[text(name)] = {{event, score}};
    }
  }
  for (const auto& name : what.drop)
    drop(text(name));
  return delta.empty() ? std::nullopt : std::optional{std::move(delta)};
}

std::optional<board> board::join(const board& other) {
  board news;
  for (auto at = rows_.begin(); at != rows_.end();) {
    const auto theirs = other.rows_.find(at->first);
    std::erase_if(at->second, [&](const auto& held) {
      const auto& event = held.first;
      const bool is_over = other.seen_.contains(event) &&
                           (theirs == other.rows_.end() || !theirs->second.contains(event));
      if (is_over)
        news.seen_.insert(event);
      return is_over;
    });
    at = at->second.empty() ? rows_.erase(at) : std::next(at);
  }
  for (const auto& [name, events] : other.rows_)
    for (const auto& [event, score] : events)
      if (!seen_.contains(event))
        news.rows_[name][event] = rows_[name][event] = score;
  news.seen_.join(seen_.join(other.seen_));
  return news.empty() ? std::nullopt : std::optional{std::move(news)};
}

std::size_t board::elements() const {
  std::size_t result = 0;
  for (const auto& [name, events] : rows_)
    result += events.size();
  return result;
}

std::size_t board::footprint() const {
  std::size_t result = 0;
  for (const auto& [name, events] : rows_)
    result += footprint_of(name, events);
  return result;
}

// Per replica its intervals, as distances from the end of the one before; then the rows.

void board::encode(wire::writer& out) const {
  out.varint(seen_.replicas().size());
  for (const auto& [replica, events] : seen_.replicas()) {
    crdt::encode(out, replica);
    out.varint(events.intervals().size());
    event_number before = 0;
    for (const auto& [first, last] : events.intervals()) {
      out.varint(first - before);
      out.varint(last - first);
      before = last;
    }
  }
  out.varint(rows_.size());
  for (const auto& [name, events] : rows_) {
    crdt::encode(out, name);
    out.varint(events.size());
    encode_events(out, events);
  }
}

board board::decode(wire::reader& in) {
  board result;
  replica_id last;
  for (auto left = in.count(19); left > 0 && in.ok(); --left) {
    const auto replica = decode_replica_id(in);
    if (!result.seen_.empty() && replica <= last)
      in.fail("replica ids are not in ascending order");
    last = replica;
    const auto intervals = in.count(2);
    if (intervals == 0)
      in.fail("replica without events");
    event_number before = 0;
    for (auto more = intervals; more > 0 && in.ok(); --more) {
      const auto gap = in.varint();
      const auto length = in.varint();
      if (gap < (before == 0 ? 1 : 2) || gap > event_number_max - before ||
          length > event_number_max - before - gap) {
        in.fail("no interval");
        break;
      }
      result.seen_.insert(replica, {before + gap, before + gap + length});
      before += gap + length;
    }
  }
  std::set<dot> held;
  for (auto left = in.count(21); left > 0 && in.ok(); --left) {
    auto name = decode_payload(in);
    if (!result.rows_.empty() && name <= result.rows_.rbegin()->first)
      in.fail("names are not in ascending order");
    row events;
    for (auto more = in.count(18); more > 0 && in.ok(); --more)
      decode_event(in, events);
    if (events.empty() || !fits(events, result.seen_))
      in.fail("name that no event holds");
    for (const auto& [event, score] : events)
      if (!held.insert(event).second)
        in.fail("one event holds two names");
    result.rows_.emplace(std::move(name), std::move(events));
  }
  return in.ok() ? result : board{};
}

// -- rows --

std::vector<payload> board::touched_by(const causal_context& events) const {
  std::vector<payload> result;
  for (const auto& [name, held] : rows_)
    if (std::ranges::any_of(held, [&](const auto& one) { return events.contains(one.first); }))
      result.push_back(name);
  return result;
}

std::vector<entry> board::entries_of(const row& r) {
  std::vector<entry> result;
  for (const auto& [event, score] : r)
    result.push_back({event.replica, event.number, true});
  return result;
}

bool board::fits(const row& r, const causal_context& seen) {
  return std::ranges::all_of(r, [&](const auto& held) { return seen.contains(held.first); });
}

void board::encode_row(wire::writer& out, const row& r) {
  encode_events(out, r);
}

std::optional<board::row> board::decode_row(std::string_view bytes) {
  wire::reader in{bytes};
  row result;
  while (in.ok() && in.remaining() > 0)
    decode_event(in, result);
  if (!in.ok() || result.empty())
    return std::nullopt;
  return result;
}

std::size_t board::footprint_of(const payload& member, const row& r) {
  return member.data.size() + r.size() * entry_bytes;
}

void board::encode_part(wire::writer& out, const causal_context& seen,
                        const std::vector<held_entry<row>>& held) {
  board part{seen, {}};
  for (const auto& [at, e] : held) {
    const dot event{e.replica, e.number};
    part.rows_[at->first].emplace(event, at->second.at(event));
  }
  part.encode(out);
}

// -- the type --

changed<board> board_type::apply(state& target, const command& c, const replica_id& self,
                                 wall_time) {
  if (c.put.size() > event_number_max - target.seen().last(self))
    return refusal::exhausted;
  return target.change(self, c);
}

board_view board_type::view_of(const state& x, const query& q) {
  return std::visit([&](const auto& one) { return show(x, one); }, q);
}

board_view board_type::view_after(const state& x, const command& c) {
  return view(x, members_of(c));
}

std::size_t board_type::footprint_of(const command& c) {
  std::size_t result = 0;
  for (const auto& name : members_of(c))
    result += name.data.size();
  return result;
}

std::vector<payload> board_type::members_of(const command& c) {
  std::vector<payload> result;
  for (const auto& [name, score] : c.put)
    result.push_back(text(name));
  for (const auto& name : c.drop)
    result.push_back(text(name));
  std::ranges::sort(result);
  return result;
}

} // namespace starling::crdt
