#include "sim/cluster/history.hpp"

#include <algorithm>

namespace starling::simulation {

namespace {

std::string name(const crdt::dot& event) {
  return "event " + std::to_string(event.number) + " of " + to_string(event.replica).substr(0, 8);
}

bool covers(const crdt::version_vector& observed, const crdt::dot& event) {
  const auto found = observed.find(event.replica);
  return found != observed.end() && event.number <= found->second;
}

} // namespace

std::string to_text(const crdt::key& key) {
  return std::string{to_string(key.type)} + " " + key.name;
}

bool is_live(const crdt::or_set& set, const crdt::payload& member, const crdt::dot& event) {
  const auto found = set.rows().find(member);
  return found != set.rows().end() &&
         std::ranges::find(found->second, crdt::or_set::entry{event.replica, event.number, true}) !=
             found->second.end();
}

contexts contexts_of(const crdt::value& whole) {
  contexts result;
  if (whole.type() != crdt::type::set)
    return result;
  const auto& set = whole.as<crdt::or_set>();
  for (auto& one : set.contexts(set.members()))
    result.insert(std::move(one));
  return result;
}

void history::complain(std::string invariant, const crdt::key& key, std::string what) {
  log_.complain(std::move(invariant), to_text(key), std::move(what));
}

std::set<crdt::key> history::keys() const {
  std::set<crdt::key> result;
  for (const auto& [key, events] : counters_)
    result.insert(key);
  for (const auto& [key, events] : registers_)
    result.insert(key);
  for (const auto& [key, events] : sets_)
    result.insert(key);
  return result;
}

// -- as things happen --

void history::note(const operation& done) {
  const auto& [key, what, by, before, after, is_acknowledged] = done;
  switch (key.type) {
  case crdt::type::counter: {
    auto& steps = counters_[key][by];
    auto now = steps.empty() ? totals{} : steps.back();
    const auto amount = std::get<crdt::counter_add>(what).amount;
    (amount > 0 ? now.first : now.second) +=
        static_cast<crdt::pn_counter::total>(amount > 0 ? amount : -amount);
    steps.push_back(now);
    return;
  }
  case crdt::type::register_:
    return note_write(key, *after.as<crdt::lww_register>().current());
  case crdt::type::set:
    return note_set(key, std::get<crdt::set_change>(what), by, before.as<crdt::or_set>(),
                    after.as<crdt::or_set>());
  }
}

void history::vanishes(const operation& never_done) {
  log_.weigh("R1");
  if (never_done.is_acknowledged)
    complain("R1", never_done.key, "was never written, though a client was told so");
}

void history::note_write(const crdt::key& key, const crdt::lww_register::write& w) {
  if (!registers_[key].try_emplace({w.when, w.by}, w.what).second)
    complain("R4", key, "two writes have one stamp");
}

void history::note_set(const crdt::key& key, const crdt::set_change& change,
                       const crdt::replica_id& by, const crdt::or_set& before,
                       const crdt::or_set& after) {
  auto& events = sets_[key];
  const auto remove = [&](const crdt::payload& member, auto is_observed) {
    for (auto& [event, what] : events)
      if (what.member == member && is_observed(event))
        what.removed_by.insert(by);
  };
  for (const auto& one : change.remove)
    remove(one.member, [&](const crdt::dot& event) {
      return one.observed ? covers(*one.observed, event) : is_live(before, one.member, event);
    });
  for (const auto& one : change.add)
    remove(one.member, [&](const crdt::dot& event) {
      return event.replica == by || (one.observed && covers(*one.observed, event));
    });
  for (const auto* changes : {&change.remove, &change.add})
    for (const auto& one : *changes)
      note_claims(key, one, before);
  for (const auto& one : change.add) {
    const auto found = after.rows().find(one.member);
    if (found == after.rows().end())
      continue;
    for (const auto& e : found->second) {
      const crdt::dot event{e.replica, e.number};
      if (e.live && !is_live(before, one.member, event) &&
          !events.try_emplace(event, added{one.member, {}}).second)
        complain("R4", key, name(event) + " was made twice");
    }
  }
}

void history::note_claims(const crdt::key& key, const crdt::member_change& change,
                          const crdt::or_set& before) {
  if (!change.observed)
    return;
  const auto known = before.context(change.member);
  for (const auto& [replica, number] : *change.observed)
    if (!before.seen().contains({replica, number}) && !covers(known, {replica, number})) {
      auto& most = claimed_[key][change.member][replica];
      most = std::max(most, number);
    }
}

crdt::value history::without_claims_of_clients(const crdt::key& key,
                                               const crdt::value& whole) const {
  const auto claimed = claimed_.find(key);
  if (claimed == claimed_.end())
    return whole;
  const auto& set = whole.as<crdt::or_set>();
  auto rows = set.rows();
  for (const auto& [member, claims] : claimed->second)
    if (const auto found = rows.find(member); found != rows.end()) {
      crdt::or_set::row heard;
      for (const auto& e : found->second)
        if (e.live || !covers(claims, {e.replica, e.number}))
          heard.push_back(e);
      if (heard.empty())
        rows.erase(found);
      else
        found->second = std::move(heard);
    }
  return crdt::or_set{set.seen(), std::move(rows)};
}

void history::check_events(const crdt::key& key, const crdt::value& part) {
  log_.weigh("R4");
  switch (key.type) {
  case crdt::type::counter:
    return check_totals(key, part.as<crdt::pn_counter>());
  case crdt::type::register_:
    return check_write(key, part.as<crdt::lww_register>());
  case crdt::type::set:
    return check_adds(key, part.as<crdt::or_set>());
  }
}

void history::check_contexts(const crdt::key& key, const contexts& read) {
  log_.weigh("R4");
  const auto& events = sets_[key];
  for (const auto& [member, observed] : read)
    for (const auto& [replica, number] : observed)
      if (!events.contains({replica, number}))
        complain("R4", key, name(crdt::dot{replica, number}) + " is shown and never was");
}

void history::check_totals(const crdt::key& key, const crdt::pn_counter& part) {
  for (const auto& [replica, e] : part.entries()) {
    const auto& steps = counters_[key][replica];
    const auto was = [&](auto total, auto of) {
      return total == 0 || std::find_if(steps.rbegin(), steps.rend(), [&](const totals& t) {
                             return t.*of == total;
                           }) != steps.rend();
    };
    if (!was(e.added, &totals::first) || !was(e.removed, &totals::second))
      complain("R4", key, "has totals that never were");
  }
}

void history::check_write(const crdt::key& key, const crdt::lww_register& part) {
  if (!part.current())
    return;
  const auto& writes = registers_[key];
  const auto found = writes.find({part.current()->when, part.current()->by});
  if (found == writes.end() || found->second != part.current()->what)
    complain("R4", key, "has a write that never was");
}

void history::check_adds(const crdt::key& key, const crdt::or_set& part) {
  const auto& events = sets_[key];
  for (const auto& [member, row] : part.rows())
    for (const auto& e : row) {
      const auto found = events.find({e.replica, e.number});
      if (e.live && (found == events.end() || found->second.member != member))
        complain("R4", key, name(crdt::dot{e.replica, e.number}) + " is something else");
    }
}

// -- at the end --

void history::check_final(const crdt::key& key, const crdt::value& final_value,
                          const std::set<crdt::replica_id>& kept) {
  check_events(key, final_value);
  switch (key.type) {
  case crdt::type::counter:
    return check(key, final_value.as<crdt::pn_counter>(), kept);
  case crdt::type::register_:
    return check(key, final_value.as<crdt::lww_register>(), kept);
  case crdt::type::set:
    return check(key, final_value.as<crdt::or_set>(), kept);
  }
}

void history::check(const crdt::key& key, const crdt::pn_counter& counter,
                    const std::set<crdt::replica_id>& kept) {
  std::int64_t sum = 0;
  for (const auto& [replica, steps] : counters_[key]) {
    if (steps.empty())
      continue;
    const auto found = counter.entries().find(replica);
    const auto shown = found == counter.entries().end()
                           ? totals{}
                           : totals{found->second.added, found->second.removed};
    sum += static_cast<std::int64_t>(shown.first) - static_cast<std::int64_t>(shown.second);
    if (shown != totals{} && std::ranges::find(steps, shown) == steps.end())
      complain("R4", key,
               "has totals of " + crdt::to_string(replica) + " that never were at one time: " +
                   std::to_string(static_cast<std::uint64_t>(shown.first)) + " added, " +
                   std::to_string(static_cast<std::uint64_t>(shown.second)) + " removed");
    if (!kept.contains(replica))
      continue;
    log_.weigh("R1");
    if (shown != steps.back())
      complain("R1", key, "lost increments");
  }
  if (counter.read().value != sum)
    complain("R1", key, "is not the sum of its increments");
}

void history::check(const crdt::key& key, const crdt::lww_register& reg,
                    const std::set<crdt::replica_id>& kept) {
  for (const auto& [stamp, what] : registers_[key]) {
    if (!kept.contains(stamp.second))
      continue;
    log_.weigh("R1");
    if (!reg.current() ||
        *reg.current() < crdt::lww_register::write{stamp.first, stamp.second, what})
      complain("R1", key, "lost a write");
  }
}

void history::check(const crdt::key& key, const crdt::or_set& set,
                    const std::set<crdt::replica_id>& kept) {
  for (const auto& [event, what] : sets_[key]) {
    const bool live = is_live(set, what.member, event);
    const bool is_removed =
        std::ranges::any_of(what.removed_by, [&](const auto& by) { return kept.contains(by); });
    if (is_removed) {
      log_.weigh("R2");
      if (live)
        complain("R2", key, name(event) + " came back after its removal");
    }
    if (kept.contains(event.replica) && what.removed_by.empty()) {
      log_.weigh("R1");
      if (!live)
        complain("R1", key, name(event) + " was lost");
    }
  }
  // All of these events are known here, so the prefix tells of them.
  for (const auto& [member, row] : set.rows())
    for (const auto& e : row)
      if (!e.live && kept.contains(e.replica))
        complain("R1", key, "has a dead entry: " + name(crdt::dot{e.replica, e.number}));
}

} // namespace starling::simulation
