#include "storage/held_value.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

namespace starling::storage {

namespace {

std::set<crdt::payload> members_of(const crdt::command& c) {
  std::set<crdt::payload> result;
  if (const auto* changes = std::get_if<crdt::set_change>(&c))
    for (const auto* list : {&changes->add, &changes->remove})
      for (const auto& one : *list)
        result.insert(one.member);
  return result;
}

std::uint64_t dead_in(const crdt::or_set::clock& clock) {
  return static_cast<std::uint64_t>(std::ranges::count(clock, false, &crdt::or_set::entry::live));
}

const crdt::or_set::clock& clock_of(const crdt::or_set& set, const crdt::payload& member) {
  static const crdt::or_set::clock none;
  const auto found = set.clocks().find(member);
  return found == set.clocks().end() ? none : found->second;
}

bool is_less(const crdt::or_set::entry& a, const crdt::or_set::entry& b) {
  return std::tie(a.replica, a.number, a.live) < std::tie(b.replica, b.number, b.live);
}

} // namespace

held_value::held_value(const crdt::key& key) : key_(key), value_(key.type) {}

held_value::held_value(crdt::key key, head kept, crdt::or_set::clock_map clocks, bool whole)
    : key_(std::move(key)), value_(std::move(kept.value)), digest_(kept.digest),
      whole_(whole || key_.type != crdt::type::set), members_(kept.members), dead_(kept.dead) {
  if (key_.type != crdt::type::set)
    return;
  value_ = crdt::or_set{set().seen(), std::move(clocks)};
  elsewhere_ = kept.footprint - set().footprint();
}

held_value::held_value(const crdt::key& key, crdt::value value,
                       const replication::digester& digests)
    : key_(key), value_(std::move(value)), digest_(digests.digest_of(key, value_)) {
  if (key.type != crdt::type::set)
    return;
  for (const auto& [member, clock] : set().clocks()) {
    members_ += crdt::or_set::is_live(clock) ? 1 : 0;
    dead_ += dead_in(clock);
  }
}

std::uint64_t held_value::footprint() const {
  return elsewhere_ + value_.footprint();
}

// -- what has to be here first --

wanted_rows held_value::lacks(const crdt::command& c, const crdt::replica_id& self) const {
  if (whole_)
    return {};
  crdt::causal_context events;
  const auto& change = std::get<crdt::set_change>(c);
  const auto last = set().seen().last(self);
  if (const auto more = change.add.size(); more > 0 && more <= crdt::event_number_max - last)
    events.insert(self, {last + 1, last + more});
  return lacks(members_of(c), events);
}

wanted_rows held_value::lacks(const crdt::value& part) const {
  if (whole_)
    return {};
  const auto& delta = part.as<crdt::or_set>();
  std::set<crdt::payload> members;
  for (const auto& [member, clock] : delta.clocks())
    members.insert(members.end(), member);
  return lacks(std::move(members), delta.seen());
}

wanted_rows held_value::lacks(const crdt::one_member& query) const {
  return is_here(query.member) ? wanted_rows{} : wanted_rows{{query.member}, {}, {}};
}

bool held_value::is_here(const crdt::payload& member) const {
  return whole_ || absent_.contains(member) || set().clocks().contains(member);
}

wanted_rows held_value::lacks(std::set<crdt::payload> members,
                              const crdt::causal_context& events) const {
  std::erase_if(members, [this](const auto& member) { return is_here(member); });
  wanted_rows result{std::move(members), set().seen().common_with(events), {}};
  if (dead_ == 0)
    return result;
  // Once the events before them are known without a gap, `seen` alone says that they are over.
  for (const auto& [replica, added] : events.replicas()) {
    crdt::causal_context all;
    for (const auto* part : {&set().seen(), &events})
      if (const auto found = part->replicas().find(replica); found != part->replicas().end())
        for (const auto& some : found->second.intervals())
          all.insert(replica, some);
    const auto before = set().seen().prefix(replica);
    if (const auto after = all.prefix(replica); after > before)
      result.dead.insert(replica, {before + 1, after});
  }
  return result;
}

void held_value::take(const std::set<crdt::payload>& asked, crdt::or_set::clock_map clocks) {
  auto& set = value_.as<crdt::or_set>();
  const auto before = set.footprint();
  for (const auto& [member, clock] : clocks)
    if (!is_here(member)) // what is here may be newer
      set.put(member, clock);
  elsewhere_ -= set.footprint() - before;
  for (const auto& member : asked)
    if (!is_here(member))
      absent_.insert(member);
}

/// A part of a set does not know how many members there are.
crdt::view held_value::complete(crdt::view seen) const {
  if (auto* set = std::get_if<crdt::set_view>(&seen))
    set->cardinality = members_;
  else if (auto* page = std::get_if<crdt::page_view>(&seen))
    page->shown.cardinality = members_;
  else if (auto* one = std::get_if<crdt::member_view>(&seen))
    one->cardinality = members_;
  return seen;
}

// -- changes --

/// Does something to the value, keeps its digest and sizes up to date, and writes down what is
/// different; `rows` are those of a set that it may change.
template <class Operation>
auto held_value::change(const replication::set_rows& rows, const replication::digester& digests,
                        batch* changed, Operation operation) {
  const auto digest_before = digest_;
  if (key_.type != crdt::type::set) {
    auto result = operation();
    digest_ = digests.digest_of(key_, value_);
    if (changed != nullptr && digest_ != digest_before)
      changed->put(head_name(key_), encode(summary()));
    return result;
  }
  std::vector<crdt::or_set::clock> before;
  before.reserve(rows.members.size());
  for (const auto& member : rows.members)
    before.push_back(clock_of(set(), member));
  digest_ -= digests.digest_of(key_, set(), rows);
  auto result = operation();
  digest_ += digests.digest_of(key_, set(), rows);
  auto clock = before.begin();
  for (const auto& member : rows.members)
    note(member, *clock++, changed);
  if (changed != nullptr && digest_ != digest_before)
    changed->put(head_name(key_), encode(summary()));
  return result;
}

/// The row of a member may not be what it was.
void held_value::note(const crdt::payload& member, const crdt::or_set::clock& before,
                      batch* changed) {
  const auto& now = clock_of(set(), member);
  if (now == before)
    return;
  members_ += (crdt::or_set::is_live(now) ? 1 : 0) - (crdt::or_set::is_live(before) ? 1 : 0);
  dead_ += dead_in(now) - dead_in(before);
  if (!whole_ && now.empty())
    absent_.insert(member);
  else
    absent_.erase(member);
  if (changed == nullptr)
    return;
  if (now.empty())
    changed->erase(member_name(key_, member));
  else
    changed->put(member_name(key_, member), encode(now));
  crdt::or_set::clock differing;
  std::ranges::set_difference(before, now, std::back_inserter(differing), is_less);
  for (const auto& entry : differing)
    changed->erase(entry_name(key_, entry, member));
  differing.clear();
  std::ranges::set_difference(now, before, std::back_inserter(differing), is_less);
  for (const auto& entry : differing)
    changed->put(entry_name(key_, entry, member), {});
}

crdt::outcome held_value::apply(const crdt::command& c, const crdt::replica_id& self,
                                crdt::lww_register::stamp wall,
                                const replication::digester& digests, batch* changed) {
  replication::set_rows rows;
  if (key_.type == crdt::type::set)
    rows = replication::rows_changed_by(set(), self, members_of(c));
  return change(rows, digests, changed, [&] { return crdt::apply(value_, c, self, wall); });
}

std::optional<crdt::value> held_value::join(const crdt::value& part,
                                            const replication::digester& digests, batch* changed) {
  replication::set_rows rows;
  if (key_.type == crdt::type::set)
    rows = replication::rows_changed_by(set(), part.as<crdt::or_set>());
  return change(rows, digests, changed, [&] { return value_.join(part); });
}

head held_value::summary() const {
  if (key_.type != crdt::type::set)
    return {digest_, value_};
  return {digest_, crdt::or_set{set().seen(), {}}, members_, dead_, footprint()};
}

batch held_value::rows() const {
  assert(whole_);
  batch result;
  if (empty())
    return result;
  result.put(head_name(key_), encode(summary()));
  if (key_.type != crdt::type::set)
    return result;
  for (const auto& [member, clock] : set().clocks()) {
    result.put(member_name(key_, member), encode(clock));
    for (const auto& entry : clock)
      result.put(entry_name(key_, entry, member), {});
  }
  return result;
}

void held_value::let_go() {
  if (key_.type != crdt::type::set)
    return;
  elsewhere_ = footprint();
  value_ = crdt::or_set{set().seen(), {}};
  absent_.clear();
  whole_ = false;
}

} // namespace starling::storage
