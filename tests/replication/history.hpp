#pragma once

// What clients were told, and what must follow from it: the model that a simulated cluster is held
// against.
//
// It is written down operation by operation, as a client would see it, without joining anything: a
// counter's history is the list of totals of each replica, a register's its writes, a set's its
// adds and which of them each operation observed. At the end some replica ids are *kept*: their
// node never forgot anything, so each of their acknowledged operations must show. The operations of
// the others (nodes that lost their state) may show or not, but nothing that was never done may.

#include "crdt/command.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace starling::simulation {

class history {
public:
  /// Notes an operation that replica `by` acknowledged, with its delta and what the value held
  /// before it.
  void note(const crdt::key& key, const crdt::command& what, const crdt::replica_id& by,
            const crdt::value& before, const crdt::value& delta);

  /// Whether every event in this value is the one that was given its name; complains otherwise.
  void check_events(const crdt::key& key, const crdt::value& part);

  /// Whether the value that all replicas agree on follows from the operations.
  void check_final(const crdt::key& key, const crdt::value& final_value,
                   const std::set<crdt::replica_id>& kept);

  std::set<crdt::key> keys() const;

  void complain(std::string what) { complaints_.push_back(std::move(what)); }
  const std::vector<std::string>& complaints() const { return complaints_; }

private:
  struct added {
    crdt::payload member;
    std::set<crdt::replica_id> removed_by; // whose operations observed it and took it away
  };

  using totals = std::pair<crdt::pn_counter::total, crdt::pn_counter::total>;
  using counter_history = std::map<crdt::replica_id, std::vector<totals>>;
  using register_history = std::vector<crdt::lww_register::write>;
  using set_history = std::map<crdt::dot, added>;

  void note_set(set_history& events, const crdt::set_change& change, const crdt::replica_id& by,
                const crdt::or_set& before, const crdt::or_set& delta);
  void check(const crdt::key& key, const crdt::pn_counter& counter,
             const std::set<crdt::replica_id>& kept);
  void check(const crdt::key& key, const crdt::lww_register& reg,
             const std::set<crdt::replica_id>& kept);
  void check(const crdt::key& key, const crdt::or_set& set, const std::set<crdt::replica_id>& kept);

  std::map<crdt::key, counter_history> counters_;
  std::map<crdt::key, register_history> registers_;
  std::map<crdt::key, set_history> sets_;
  std::vector<std::string> complaints_;
};

} // namespace starling::simulation
