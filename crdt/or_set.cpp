#include "crdt/or_set.hpp"

#include "crdt/seek.hpp"

#include <algorithm>
#include <cassert>
#include <set>

namespace starling::crdt {

namespace {

// Upper bounds of what the encoding takes, but for very large event numbers.
constexpr std::size_t entry_footprint = 8;

std::size_t footprint_alone(const payload& member) {
  return member.data.size() + 8;
}

} // namespace

std::size_t or_set::footprint_of(const payload& member, const row& r) {
  return footprint_alone(member) + r.size() * entry_footprint;
}

or_set::or_set(causal_context seen, row_map rows) : seen_(std::move(seen)), rows_(std::move(rows)) {
  for (const auto& [member, c] : rows_) {
    footprint_ += footprint_of(member, c);
    cardinality_ += is_live(c);
  }
  find_dead();
}

or_set::or_set(const or_set& other)
    : seen_(other.seen_), rows_(other.rows_), footprint_(other.footprint_),
      cardinality_(other.cardinality_) {
  find_dead();
}

or_set& or_set::operator=(const or_set& other) {
  auto copy = other;
  return *this = std::move(copy);
}

bool or_set::contains(const payload& member) const {
  const auto found = rows_.find(member);
  return found != rows_.end() && is_live(found->second);
}

std::vector<payload> or_set::members() const {
  std::vector<payload> result;
  for (const auto& [member, c] : rows_)
    if (is_live(c))
      result.push_back(member);
  return result;
}

std::vector<payload> or_set::members_after(payload_kind kind,
                                           const std::optional<std::string>& after,
                                           std::size_t limit) const {
  std::vector<payload> result;
  auto at = after ? rows_.upper_bound({kind, *after}) : rows_.lower_bound({kind, ""});
  for (; at != rows_.end() && at->first.kind == kind && result.size() < limit; ++at)
    if (is_live(at->second))
      result.push_back(at->first);
  return result;
}

version_vector or_set::context(const payload& member) const {
  version_vector result;
  for (const auto& [replica, events] : seen_.replicas())
    if (const auto n = events.prefix(); n > 0)
      result[replica] = n;
  if (const auto found = rows_.find(member); found != rows_.end())
    for (const auto& e : found->second)
      result[e.replica] = std::max(result[e.replica], e.number);
  return result;
}

std::vector<std::pair<payload, version_vector>>
or_set::contexts(std::vector<payload> members) const {
  version_vector prefixes;
  for (const auto& [replica, events] : seen_.replicas())
    if (const auto n = events.prefix(); n > 0)
      prefixes.emplace_hint(prefixes.end(), replica, n);
  std::vector<std::pair<payload, version_vector>> result;
  result.reserve(members.size());
  auto at = rows_.begin();
  for (auto& member : members) {
    at = seek(rows_, at, member);
    auto& [named, observed] = result.emplace_back(std::move(member), prefixes);
    if (at != rows_.end() && at->first == named)
      for (const auto& e : at->second)
        if (auto& known = observed[e.replica]; known < e.number)
          known = e.number;
  }
  return result;
}

std::optional<or_set> or_set::add(const replica_id& self, const payload& member,
                                  const version_vector& observed) {
  if (seen_.last(self) == event_number_max)
    return std::nullopt;
  return change(self, {{member, observed}}, {});
}

std::optional<or_set> or_set::remove(const replica_id& self, const payload& member,
                                     const version_vector& observed) {
  return change(self, {}, {{member, observed}});
}

std::optional<or_set> or_set::change(const replica_id& self,
                                     const std::vector<member_change>& added,
                                     const std::vector<member_change>& removed) {
  const auto last = seen_.last(self);
  assert(added.size() <= event_number_max - last);
  or_set news;
  auto at = rows_.begin();
  auto noted = news.rows_.begin();
  auto next = last;
  for (const auto& [member, observed] : added) {
    at = seek(rows_, at, member);
    if (observed)
      for (const auto& [replica, number] : *observed)
        if (replica != self) // the new event covers our own older ones
          end(at, member, {replica, number, false}, news, noted);
    const entry fresh{self, ++next, true};
    // An event of ours beyond what we have seen is there if we have lost events: it stays.
    if (const auto* own = newest(at, member, self); own != nullptr && own->number >= fresh.number)
      continue;
    set_here(at, member, fresh);
    news.set(noted, member, fresh);
  }
  if (next > last) {
    seen_.insert(self, {last + 1, next});
    news.seen_.insert(self, {last + 1, next});
    drop_covered();
    at = rows_.begin();
  }
  for (const auto& [member, observed] : removed) {
    at = seek(rows_, at, member);
    if (observed) {
      for (const auto& [replica, number] : *observed)
        // Nobody can have observed an event that we have not made yet: a forged number must not
        // take away our next adds.
        end(at, member, {replica, replica == self ? std::min(number, next) : number, false}, news,
            noted);
    } else if (at != rows_.end() && at->first == member) {
      const auto held = at->second; // which changes meanwhile
      for (const auto& e : held)
        if (e.live)
          end(at, member, {e.replica, std::max(e.number, seen_.prefix(e.replica)), false}, news,
              noted);
    }
  }
  drop_covered();
  if (news.empty())
    return std::nullopt;
  news.drop_covered();
  return news;
}

/// Joins what the other set has seen and holds. For each member and each replica the newest event
/// counts. The cases:
///
///  1. We hold an event live; the other set has seen the event and does not hold it. The event was
///     removed there, so it ends here. Where our prefix covers the event, the entry goes at once;
///     else the entry stays, dead, until `seen` covers it (`drop_covered`).
///  2. The other set holds an event that is not newer than ours of that replica: ours counts.
///  3. The other set holds a newer event live, which we have never seen: we take it over.
///  4. The other set holds a newer event live, which we have seen and do not hold: the event was
///     removed here, so it stays dead, and ends an older one that we hold.
///  5. The other set holds an event dead: it ends ours of that replica, unless ours is newer.
///
/// The contexts are joined last: cases 1, 3 and 4 ask what each side had seen before.
/// `news` notes each change as an entry, so whoever joins `news` comes to the same.
std::optional<or_set> or_set::join(const or_set& other) {
  or_set news;
  auto noted = news.rows_.begin();

  // Case 1.
  if (!rows_.empty() && !other.seen_.common_with(seen_).empty())
    find_live();
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
      const entry dead{replica, number, false};
      news.set(noted, at->first, dead);
      if (number <= seen_.prefix(replica))
        drop(at, {replica, number, true});
      else
        set(at, dead);
    }
  }

  auto at = rows_.begin();
  for (const auto& [member, theirs] : other.rows_) {
    at = seek(rows_, at, member);
    for (const auto& e : theirs) {
      if (!e.live) { // case 5
        end(at, member, e, news, noted);
        continue;
      }
      const auto* own = newest(at, member, e.replica);
      if (own != nullptr && own->number >= e.number)
        continue;                                   // case 2
      if (!seen_.contains({e.replica, e.number})) { // case 3
        set_here(at, member, e);
        news.set(noted, member, e);
      } else { // case 4
        end(at, member, {e.replica, e.number, false}, news, noted);
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
  auto near = result.rows_.begin();
  for (const auto& member : members) {
    for (const auto& [replica, number] : context(member))
      result.set(near, member, {replica, number, false});
    const auto found = rows_.find(member);
    if (found == rows_.end())
      continue;
    for (const auto& e : found->second) {
      if (!e.live)
        continue;
      result.set(near, member, e);
      result.seen_.insert({e.replica, e.number});
    }
  }
  result.drop_covered();
  return result;
}

std::vector<payload> or_set::touched_by(const causal_context& events) const {
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
  // Live events are in `seen`, so events that it does not know end none.
  if (!knows_live_ && !events.common_with(seen_).empty())
    for (const auto& [member, c] : rows_)
      if (std::ranges::any_of(c, [&](const entry& e) {
            return e.live && events.contains({e.replica, e.number});
          }))
        result.insert(member);
  return {result.begin(), result.end()};
}

void or_set::put(row_map left_out) {
  auto near = rows_.begin();
  while (!left_out.empty()) {
    auto node = left_out.extract(left_out.begin());
    near = seek(rows_, near, node.key());
    if (near != rows_.end() && near->first == node.key())
      continue;
    near = rows_.insert(near, std::move(node));
    const auto& [member, c] = *near;
    footprint_ += footprint_of(member, c);
    cardinality_ += is_live(c);
    for (const auto& e : c)
      index(near, e);
  }
}

// -- rows and where their events stand --

or_set::row::const_iterator or_set::find(const row& c, const replica_id& replica) {
  const auto at =
      std::lower_bound(c.begin(), c.end(), replica,
                       [](const entry& e, const replica_id& r) { return e.replica < r; });
  return at != c.end() && at->replica == replica ? at : c.end();
}

bool or_set::is_live(const row& c) {
  return std::any_of(c.begin(), c.end(), [](const entry& e) { return e.live; });
}

/// The newest event of a replica that is known for a member; `at` is where `seek` found it, or the
/// next one.
const or_set::entry* or_set::newest(position at, const payload& member,
                                    const replica_id& replica) const {
  if (at == rows_.end() || at->first != member)
    return nullptr;
  const auto found = find(at->second, replica);
  return found == at->second.end() ? nullptr : &*found;
}

bool or_set::holds(const payload& member, const dot& event) const {
  const auto found = rows_.find(member);
  if (found == rows_.end())
    return false;
  const auto at = find(found->second, event.replica);
  return at != found->second.end() && at->live && at->number == event.number;
}

/// Sets an entry of a member's row; `near` becomes the place of the member.
void or_set::set(position& near, const payload& member, const entry& e) {
  near = seek(rows_, near, member);
  set_here(near, member, e);
}

/// The same, where `near` is where `seek` finds the member.
void or_set::set_here(position& near, const payload& member, const entry& e) {
  if (near == rows_.end() || near->first != member) {
    near = rows_.emplace_hint(near, member, row{});
    footprint_ += footprint_alone(member);
  }
  set(near, e);
}

void or_set::set(position at, const entry& e) {
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

/// Somebody knows that the events of a replica up to that of `dead` do not hold the member. `near`
/// is where `seek` finds the member.
void or_set::end(position& near, const payload& member, const entry& dead, or_set& news,
                 position& noted) {
  const auto* own = newest(near, member, dead.replica);
  const event_number number = own != nullptr ? own->number : 0;
  const bool is_held = own != nullptr && own->live;
  if (dead.number < number || (dead.number == number && !is_held))
    return; // it is known, or something newer is
  const bool is_covered = dead.number <= seen_.prefix(dead.replica);
  if (!is_held && (is_covered || dead.number <= number))
    return; // `seen` says it
  if (is_covered)
    near = drop(near, *own);
  else
    set_here(near, member, dead);
  news.set(noted, member, dead);
}

void or_set::index(position at, const entry& e) {
  if (!e.live) {
    auto& events = dead_[e.replica];
    events.emplace_hint(events.end(), e.number, at); // mostly they come in their order
  } else if (knows_live_) {
    auto& events = live_[e.replica];
    events.emplace_hint(events.end(), e.number, at);
  }
}

void or_set::unindex(position at, const entry& e) {
  if (e.live) {
    if (!knows_live_)
      return;
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

/// Takes out an entry, and the member with its last one. Returns where the member is, or the next
/// one.
or_set::position or_set::drop(position at, const entry& e) {
  unindex(at, e);
  cardinality_ -= is_live(at->second);
  const auto next = erase(at, e.replica);
  if (next == at)
    cardinality_ += is_live(at->second);
  return next;
}

/// The same of an entry that counts nowhere else any more.
or_set::position or_set::erase(position at, const replica_id& replica) {
  auto& c = at->second;
  c.erase(find(c, replica));
  footprint_ -= entry_footprint;
  if (!c.empty())
    return at;
  footprint_ -= footprint_alone(at->first);
  return rows_.erase(at);
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

/// Finds the dead entries of a set that was made with rows.
void or_set::find_dead() {
  for (auto at = rows_.begin(); at != rows_.end(); ++at)
    for (const auto& e : at->second)
      if (!e.live)
        index(at, e);
}

/// Finds the live events; from then on they are kept track of.
void or_set::find_live() {
  if (std::exchange(knows_live_, true))
    return;
  for (auto at = rows_.begin(); at != rows_.end(); ++at)
    for (const auto& e : at->second)
      if (e.live)
        index(at, e);
}

std::size_t or_set::elements() const {
  std::size_t result = 0;
  for (const auto& [member, c] : rows_)
    result += c.size();
  return result;
}

// -- encoding: a table of replica ids, `seen`, the rows --

namespace {

/// Replica ids in ascending order; entries name them by their places.
using id_table = std::vector<replica_id>;

void encode_seen(wire::writer& out, const id_table& table, const causal_context& seen) {
  out.varint(table.size());
  for (const auto& replica : table)
    crdt::encode(out, replica);
  for (const auto& replica : table) {
    const auto found = seen.replicas().find(replica);
    if (found == seen.replicas().end()) {
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
}

void encode_entry(wire::writer& out, const id_table& table, const or_set::entry& e) {
  const auto at = std::lower_bound(table.begin(), table.end(), e.replica) - table.begin();
  out.varint(static_cast<std::uint64_t>(at));
  out.varint(e.number << 1 | (e.live ? 1 : 0));
}

} // namespace

void or_set::encode(wire::writer& out) const {
  std::set<replica_id> named;
  for (const auto& [replica, events] : seen_.replicas())
    named.insert(replica);
  for (const auto& [replica, places] : dead_) // live events are in `seen`
    named.insert(replica);
  const id_table table{named.begin(), named.end()};
  encode_seen(out, table, seen_);
  out.varint(rows_.size());
  for (const auto& [member, c] : rows_) {
    crdt::encode(out, member);
    out.varint(c.size());
    for (const auto& e : c)
      encode_entry(out, table, e);
  }
}

void or_set::encode_part(wire::writer& out, const causal_context& seen,
                         const std::vector<held_entry<row>>& held) {
  std::set<replica_id> named;
  for (const auto& [replica, events] : seen.replicas())
    named.insert(replica);
  std::size_t members = 0;
  const row_map::value_type* last = nullptr;
  for (const auto& [row, e] : held) {
    if (!e.live)
      named.insert(e.replica);
    members += row != last ? 1 : 0;
    last = row;
  }
  const id_table table{named.begin(), named.end()};
  encode_seen(out, table, seen);
  out.varint(members);
  for (auto at = held.begin(); at != held.end();) {
    const auto* row = at->first;
    const auto end = std::find_if(at, held.end(), [&](const auto& x) { return x.first != row; });
    crdt::encode(out, row->first);
    out.varint(static_cast<std::uint64_t>(end - at));
    for (; at != end; ++at)
      encode_entry(out, table, at->second);
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

  std::vector<std::pair<std::uint64_t, event_number>> live; // by the place in the table
  for (auto left = in.count(5); left > 0 && in.ok(); --left) {
    auto member = decode_payload(in);
    if (!result.rows_.empty() && member <= result.rows_.rbegin()->first)
      in.fail("members are not in ascending order");
    row c;
    const auto size = in.count(2);
    if (size == 0)
      in.fail("row without entries");
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
      if (!e.live && e.number <= result.seen_.prefix(e.replica))
        in.fail("dead entry that the prefix covers");
      if (!in.ok())
        break;
      if (e.live)
        live.emplace_back(which, e.number);
      c.push_back(e);
      before = &table[which];
    }
    if (!in.ok())
      break;
    result.footprint_ += footprint_of(member, c);
    result.cardinality_ += is_live(c);
    result.rows_.emplace_hint(result.rows_.end(), std::move(member), std::move(c));
  }
  std::ranges::sort(live);
  if (std::ranges::adjacent_find(live) != live.end())
    in.fail("one event holds two members");
  result.find_dead();

  for (const auto& replica : table)
    if (result.seen_.last(replica) == 0 && !result.dead_.contains(replica))
      in.fail("table names a replica that nothing refers to");
  if (!in.ok())
    return {};
  return result;
}

// -- rows --

bool or_set::fits(const row& r, const causal_context& seen) {
  return std::ranges::all_of(r, [&](const entry& e) {
    return e.live ? seen.contains({e.replica, e.number}) : e.number > seen.prefix(e.replica);
  });
}

void or_set::encode_row(wire::writer& out, const row& r) {
  for (const auto& e : r) {
    crdt::encode(out, e.replica);
    out.varint(e.number << 1 | (e.live ? 1 : 0));
  }
}

std::optional<or_set::row> or_set::decode_row(std::string_view bytes) {
  wire::reader in{bytes};
  row result;
  while (in.ok() && in.remaining() > 0) {
    const auto replica = decode_replica_id(in);
    const auto coded = in.varint();
    if (coded < 2 || (!result.empty() && replica <= result.back().replica))
      return std::nullopt;
    result.push_back({replica, coded >> 1, (coded & 1) != 0});
  }
  if (!in.ok() || result.empty())
    return std::nullopt;
  return result;
}

} // namespace starling::crdt
