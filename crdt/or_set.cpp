#include "crdt/or_set.hpp"

#include <algorithm>
#include <utility>

namespace starling::crdt {

namespace {

// Upper bounds of what the encoding takes, but for very large event numbers.
constexpr std::size_t entry_footprint = 8;

std::size_t footprint_of(const payload& member) {
  return member.data.size() + 8;
}

} // namespace

or_set::or_set(causal_context seen, clock_map clocks)
    : seen_(std::move(seen)), clocks_(std::move(clocks)) {
  for (const auto& [member, c] : clocks_) {
    footprint_ += footprint_of(member) + c.size() * entry_footprint;
    cardinality_ += is_live(c);
  }
  reindex();
}

or_set::or_set(const or_set& other)
    : seen_(other.seen_), clocks_(other.clocks_), footprint_(other.footprint_),
      cardinality_(other.cardinality_) {
  reindex();
}

or_set& or_set::operator=(const or_set& other) {
  auto copy = other;
  return *this = std::move(copy);
}

bool or_set::contains(const payload& member) const {
  const auto found = clocks_.find(member);
  return found != clocks_.end() && is_live(found->second);
}

std::vector<payload> or_set::members() const {
  std::vector<payload> result;
  for (const auto& [member, c] : clocks_)
    if (is_live(c))
      result.push_back(member);
  return result;
}

std::vector<payload> or_set::members_after(payload_kind kind,
                                           const std::optional<std::string>& after,
                                           std::size_t limit) const {
  std::vector<payload> result;
  auto at = after ? clocks_.upper_bound({kind, *after}) : clocks_.lower_bound({kind, ""});
  for (; at != clocks_.end() && at->first.kind == kind && result.size() < limit; ++at)
    if (is_live(at->second))
      result.push_back(at->first);
  return result;
}

version_vector or_set::context(const payload& member) const {
  version_vector result;
  for (const auto& [replica, events] : seen_.replicas())
    if (const auto n = events.prefix(); n > 0)
      result[replica] = n;
  if (const auto found = clocks_.find(member); found != clocks_.end())
    for (const auto& e : found->second)
      result[e.replica] = std::max(result[e.replica], e.number);
  return result;
}

std::optional<or_set> or_set::add(const replica_id& self, const payload& member,
                                  const version_vector& observed) {
  const auto next = seen_.last(self) + 1;
  if (next > event_number_max)
    return std::nullopt;
  or_set delta;
  for (const auto& [replica, number] : observed)
    if (replica != self) // the new event covers our own older ones
      delta.set(member, {replica, number, false});
  delta.set(member, {self, next, true});
  delta.seen_.insert({self, next});
  delta.drop_covered();
  return join(delta); // never nothing: an event of our own is new
}

std::optional<or_set> or_set::remove(const replica_id& self, const payload& member,
                                     const version_vector& observed) {
  or_set delta;
  for (const auto& [replica, number] : observed) {
    // Nobody can have observed an event that we have not made yet: a forged number must not take
    // away our next adds.
    const auto believed = replica == self ? std::min(number, seen_.last(self)) : number;
    if (believed > 0)
      delta.set(member, {replica, believed, false});
  }
  return join(delta);
}

std::optional<or_set> or_set::join(const or_set& other) {
  or_set news;

  // What the other has heard of and no longer holds is over here, too.
  for (const auto& [replica, events] : other.seen_.replicas()) {
    const auto ours = live_.find(replica);
    if (ours == live_.end())
      continue;
    std::vector<std::pair<position, event_number>> over;
    for (const auto& [first, last] : events.intervals())
      for (auto it = ours->second.lower_bound(first); it != ours->second.end() && it->first <= last;
           ++it)
        if (!other.holds(it->second->first, {replica, it->first}))
          over.emplace_back(it->second, it->first);
    for (const auto& [at, number] : over) {
      set(at->first, {replica, number, false});
      news.set(at->first, {replica, number, false});
    }
  }

  // Per member and replica the newest event counts; a live one that we know without holding it
  // stays dead.
  for (const auto& [member, theirs] : other.clocks_) {
    for (const auto& e : theirs) {
      const auto found = clocks_.find(member);
      const auto mine =
          found == clocks_.end() ? clock::const_iterator{} : find(found->second, e.replica);
      const bool has_mine = found != clocks_.end() && mine != found->second.end();
      const event_number own = has_mine ? mine->number : 0;
      const bool own_live = has_mine && mine->live;
      const auto prefix = seen_.prefix(e.replica);
      if (e.number < own || (e.number == own && (e.live || !own_live)))
        continue;
      if (e.number > own && e.live && !seen_.contains({e.replica, e.number})) {
        set(member, e);
        news.set(member, e);
      } else if (own_live || e.number > std::max(prefix, own)) {
        const entry dead{e.replica, e.number, false};
        set(member, dead);
        news.set(member, dead);
      }
    }
  }

  news.seen_ = seen_.join(other.seen_);
  drop_covered();
  if (news.empty())
    return std::nullopt;
  news.drop_covered();
  return news;
}

or_set or_set::part(const std::vector<payload>& members) const {
  or_set result;
  for (const auto& member : members) {
    for (const auto& [replica, number] : context(member))
      result.set(member, {replica, number, false});
    const auto found = clocks_.find(member);
    if (found == clocks_.end())
      continue;
    for (const auto& e : found->second) {
      if (!e.live)
        continue;
      result.set(member, e);
      result.seen_.insert({e.replica, e.number});
    }
  }
  result.drop_covered();
  return result;
}

std::set<payload> or_set::touched_by(const causal_context& events) const {
  std::set<payload> result;
  for (const auto& [replica, added] : events.replicas()) {
    if (const auto live = live_.find(replica); live != live_.end())
      for (const auto& [first, last] : added.intervals())
        for (auto it = live->second.lower_bound(first);
             it != live->second.end() && it->first <= last; ++it)
          result.insert(it->second->first);
    if (const auto dead = dead_.find(replica); dead != dead_.end())
      for (const auto& [number, at] : dead->second)
        result.insert(at->first);
  }
  return result;
}

void or_set::put(const payload& member, const clock& c) {
  for (const auto& e : c)
    set(member, e);
}

// -- clocks and where their events stand --

or_set::clock::const_iterator or_set::find(const clock& c, const replica_id& replica) {
  const auto at =
      std::lower_bound(c.begin(), c.end(), replica,
                       [](const entry& e, const replica_id& r) { return e.replica < r; });
  return at != c.end() && at->replica == replica ? at : c.end();
}

bool or_set::is_live(const clock& c) {
  return std::any_of(c.begin(), c.end(), [](const entry& e) { return e.live; });
}

bool or_set::holds(const payload& member, const dot& event) const {
  const auto found = clocks_.find(member);
  if (found == clocks_.end())
    return false;
  const auto at = find(found->second, event.replica);
  return at != found->second.end() && at->live && at->number == event.number;
}

void or_set::set(const payload& member, const entry& e) {
  const auto [at, is_new] = clocks_.try_emplace(member);
  if (is_new)
    footprint_ += footprint_of(member);
  auto& c = at->second;
  cardinality_ -= is_live(c);
  const auto place =
      std::lower_bound(c.begin(), c.end(), e.replica,
                       [](const entry& x, const replica_id& r) { return x.replica < r; });
  if (place != c.end() && place->replica == e.replica) {
    unindex(at, *place);
    *place = e;
  } else {
    c.insert(place, e);
    footprint_ += entry_footprint;
  }
  cardinality_ += is_live(c);
  index(at, e);
}

void or_set::index(position at, const entry& e) {
  if (e.live)
    live_[e.replica].emplace(e.number, at);
  else
    dead_[e.replica].emplace(e.number, at);
}

void or_set::unindex(position at, const entry& e) {
  if (e.live) {
    const auto events = live_.find(e.replica);
    events->second.erase(e.number);
    if (events->second.empty())
      live_.erase(events);
    return;
  }
  const auto events = dead_.find(e.replica);
  const auto [begin, end] = events->second.equal_range(e.number);
  events->second.erase(std::find_if(begin, end, [&](const auto& x) { return x.second == at; }));
  if (events->second.empty())
    dead_.erase(events);
}

/// Takes out an entry that is not live.
void or_set::erase(position at, const replica_id& replica) {
  auto& c = at->second;
  c.erase(find(c, replica));
  footprint_ -= entry_footprint;
  if (c.empty()) {
    footprint_ -= footprint_of(at->first);
    clocks_.erase(at);
  }
}

/// Drops the dead entries that `seen` alone now tells of.
void or_set::drop_covered() {
  for (auto events = dead_.begin(); events != dead_.end();) {
    auto& [replica, places] = *events;
    const auto end = places.upper_bound(seen_.prefix(replica));
    for (auto it = places.begin(); it != end; ++it)
      erase(it->second, replica);
    places.erase(places.begin(), end);
    events = places.empty() ? dead_.erase(events) : std::next(events);
  }
}

void or_set::reindex() {
  live_.clear();
  dead_.clear();
  for (auto at = clocks_.begin(); at != clocks_.end(); ++at)
    for (const auto& e : at->second)
      index(at, e);
}

std::size_t or_set::elements() const {
  std::size_t result = 0;
  for (const auto& [member, c] : clocks_)
    result += c.size();
  return result;
}

// -- encoding: a table of replica ids, `seen`, the clocks --

void or_set::encode(wire::writer& out) const {
  std::set<replica_id> named;
  for (const auto& [replica, events] : seen_.replicas())
    named.insert(replica);
  for (const auto& [replica, places] : dead_) // live events are in `seen`
    named.insert(replica);
  const std::vector<replica_id> table{named.begin(), named.end()};
  out.varint(table.size());
  for (const auto& replica : table)
    crdt::encode(out, replica);

  for (const auto& replica : table) {
    const auto found = seen_.replicas().find(replica);
    if (found == seen_.replicas().end()) {
      out.varint(0);
      continue;
    }
    out.varint(found->second.intervals().size());
    event_number before = 0;
    for (const auto& [first, last] : found->second.intervals()) {
      out.varint(first - before);
      out.varint(last - first);
      before = last;
    }
  }

  out.varint(clocks_.size());
  for (const auto& [member, c] : clocks_) {
    crdt::encode(out, member);
    out.varint(c.size());
    for (const auto& e : c) {
      const auto at = std::lower_bound(table.begin(), table.end(), e.replica) - table.begin();
      out.varint(static_cast<std::uint64_t>(at));
      out.varint(e.number << 1 | (e.live ? 1 : 0));
    }
  }
}

std::size_t or_set::elements_of(wire::reader& in) {
  const auto replicas = in.varint();
  for (auto left = replicas; left > 0; --left)
    decode_replica_id(in);
  for (auto left = replicas; left > 0; --left)
    for (auto intervals = in.varint(); intervals > 0; --intervals) {
      in.varint();
      in.varint();
    }
  std::size_t result = 0;
  for (auto left = in.varint(); left > 0; --left) {
    in.u8(); // a member: its kind, its bytes
    in.bytes();
    const auto entries = in.varint();
    result += entries;
    for (auto entry = entries; entry > 0; --entry) {
      in.varint();
      in.varint();
    }
  }
  return result;
}

or_set or_set::decode(wire::reader& in) {
  or_set result;
  std::vector<replica_id> table;
  for (auto left = in.count(17); left > 0 && in.ok(); --left) {
    const auto replica = decode_replica_id(in);
    if (!table.empty() && replica <= table.back())
      in.fail("replica ids are not in ascending order");
    table.push_back(replica);
  }

  for (const auto& replica : table) {
    event_number before = 0;
    for (auto left = in.count(2); left > 0 && in.ok(); --left) {
      const auto gap = in.varint();
      const auto length = in.varint();
      if (gap > event_number_max - before || length > event_number_max - before - gap)
        in.fail("event number out of range");
      if (gap < (before == 0 ? 1 : 2))
        in.fail("intervals touch or overlap");
      if (!in.ok())
        break;
      result.seen_.insert(replica, {before + gap, before + gap + length});
      before += gap + length;
    }
  }

  for (auto left = in.count(5); left > 0 && in.ok(); --left) {
    const auto member = decode_payload(in);
    if (!result.clocks_.empty() && member <= result.clocks_.rbegin()->first)
      in.fail("members are not in ascending order");
    const auto size = in.count(2);
    if (size == 0)
      in.fail("clock without entries");
    const replica_id* before = nullptr;
    for (auto entries = size; entries > 0 && in.ok(); --entries) {
      const auto which = in.varint();
      const auto coded = in.varint();
      if (which >= table.size()) {
        in.fail("entry of a replica that is not in the table");
        break;
      }
      const entry e{table[which], coded >> 1, (coded & 1) != 0};
      if (e.number == 0)
        in.fail("event number out of range");
      if (before && e.replica <= *before)
        in.fail("entries are not in ascending order");
      if (e.live && !result.seen_.contains({e.replica, e.number}))
        in.fail("live event that the set has not seen");
      if (e.live && result.live_.contains(e.replica) &&
          result.live_.at(e.replica).contains(e.number))
        in.fail("one event holds two members");
      if (!e.live && e.number <= result.seen_.prefix(e.replica))
        in.fail("dead entry that the prefix covers");
      if (!in.ok())
        break;
      result.set(member, e);
      before = &table[which];
    }
  }

  for (const auto& replica : table)
    if (result.seen_.last(replica) == 0 && !result.dead_.contains(replica))
      in.fail("table names a replica that nothing refers to");
  if (!in.ok())
    return {};
  return result;
}

} // namespace starling::crdt
