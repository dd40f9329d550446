#include "tests/replication/history.hpp"

#include <algorithm>

namespace starling::simulation {

namespace {

std::string name(const crdt::key& key) {
  return std::string{to_string(key.type)} + " " + key.name + ": ";
}

std::string name(const crdt::dot& event) {
  return "event " + std::to_string(event.number) + " of " + to_string(event.replica).substr(0, 8);
}

bool covers(const crdt::version_vector& observed, const crdt::dot& event) {
  const auto found = observed.find(event.replica);
  return found != observed.end() && event.number <= found->second;
}

bool is_live(const crdt::or_set& set, const crdt::payload& member, const crdt::dot& event) {
  const auto found = set.clocks().find(member);
  return found != set.clocks().end() &&
         std::find(found->second.begin(), found->second.end(),
                   crdt::or_set::entry{event.replica, event.number, true}) != found->second.end();
}

} // namespace

void history::note(const crdt::key& key, const crdt::command& what, const crdt::replica_id& by,
                   const crdt::value& before, const crdt::value& delta) {
  switch (key.type) {
  case crdt::type::counter: {
    auto& steps = counters_[key][by];
    auto now = steps.empty() ? totals{} : steps.back();
    const auto amount = std::get<crdt::counter_add>(what).amount;
    (amount > 0 ? now.first : now.second) +=
        static_cast<crdt::pn_counter::total>(amount > 0 ? amount : -amount);
    steps.push_back(now);
    break;
  }
  case crdt::type::register_:
    registers_[key].push_back(*delta.as<crdt::lww_register>().current());
    break;
  case crdt::type::set:
    note_set(sets_[key], std::get<crdt::set_change>(what), by, before.as<crdt::or_set>(),
             delta.as<crdt::or_set>());
    break;
  }
}

void history::note_set(set_history& events, const crdt::set_change& change,
                       const crdt::replica_id& by, const crdt::or_set& before,
                       const crdt::or_set& delta) {
  const auto remove = [&](const crdt::payload& member, auto is_observed) {
    for (auto& [event, what] : events)
      if (what.member == member && is_observed(event))
        what.removed_by.insert(by);
  };
  for (const auto& [member, observed] : change.remove)
    remove(member, [&](const crdt::dot& event) {
      return observed ? covers(*observed, event) : is_live(before, member, event);
    });
  for (const auto& [member, observed] : change.add)
    remove(member, [&](const crdt::dot& event) {
      return event.replica == by || (observed && covers(*observed, event));
    });
  for (const auto& [member, clock] : delta.clocks())
    for (const auto& e : clock)
      if (e.live && !events.try_emplace({e.replica, e.number}, added{member, {}}).second)
        complain(name(crdt::dot{e.replica, e.number}) + " was made twice");
}

void history::check_events(const crdt::key& key, const crdt::value& part) {
  if (key.type != crdt::type::set)
    return;
  const auto& events = sets_[key];
  for (const auto& [member, clock] : part.as<crdt::or_set>().clocks())
    for (const auto& e : clock) {
      const auto found = events.find({e.replica, e.number});
      if (e.live && (found == events.end() || found->second.member != member))
        complain(name(key) + name(crdt::dot{e.replica, e.number}) + " names something else");
    }
}

void history::check_final(const crdt::key& key, const crdt::value& final_value,
                          const std::set<crdt::replica_id>& kept) {
  switch (key.type) {
  case crdt::type::counter:
    check(key, final_value.as<crdt::pn_counter>(), kept);
    break;
  case crdt::type::register_:
    check(key, final_value.as<crdt::lww_register>(), kept);
    break;
  case crdt::type::set:
    check(key, final_value.as<crdt::or_set>(), kept);
    break;
  }
}

void history::check(const crdt::key& key, const crdt::pn_counter& counter,
                    const std::set<crdt::replica_id>& kept) {
  for (const auto& [replica, steps] : counters_[key])
    if (kept.contains(replica) && !counter.entries().contains(replica))
      complain(name(key) + "lost all of a replica's increments");
  for (const auto& [replica, e] : counter.entries()) {
    const auto& steps = counters_[key][replica];
    const totals found{e.added, e.removed};
    if (std::find(steps.begin(), steps.end(), found) == steps.end())
      complain(name(key) + "holds totals that never were");
    else if (kept.contains(replica) && found != steps.back())
      complain(name(key) + "lost increments");
  }
}

void history::check(const crdt::key& key, const crdt::lww_register& reg,
                    const std::set<crdt::replica_id>& kept) {
  const auto& writes = registers_[key];
  if (reg.current() && std::find(writes.begin(), writes.end(), *reg.current()) == writes.end())
    complain(name(key) + "holds a write that never was");
  for (const auto& w : writes)
    if (kept.contains(w.by) && (!reg.current() || *reg.current() < w))
      complain(name(key) + "lost a write");
}

void history::check(const crdt::key& key, const crdt::or_set& set,
                    const std::set<crdt::replica_id>& kept) {
  for (const auto& [event, what] : sets_[key]) {
    const bool live = is_live(set, what.member, event);
    const bool is_removed = std::any_of(what.removed_by.begin(), what.removed_by.end(),
                                        [&](const auto& by) { return kept.contains(by); });
    if (live && is_removed)
      complain(name(key) + name(event) + " came back after its removal");
    if (!live && kept.contains(event.replica) && what.removed_by.empty())
      complain(name(key) + name(event) + " was lost");
  }
  check_events(key, crdt::value{set});
  for (const auto& [member, clock] : set.clocks())
    for (const auto& e : clock)
      if (!e.live && kept.contains(e.replica))
        complain(name(key) + "holds a dead entry: " + name(crdt::dot{e.replica, e.number}));
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

} // namespace starling::simulation
