#pragma once

// What clients were told, and what must follow from it: the model that a simulated cluster is held
// against.
//
// An operation is done once it is committed, where there is a disk. Before that nobody may see
// anything of it, not even its client.
//
// It is written down operation by operation, as a client would see it, without joining anything: a
// counter's history is the list of totals of each replica, a register's its writes, a set's its
// adds and which of them each operation observed. At the end some replica ids are *kept*: their
// node never forgot anything, so each of their acknowledged operations must show (R1), and nothing
// that one of them removed (R2). The operations of the others (nodes that lost their state, or are
// gone) may show or not, but nothing that was never done may, and no event is two things (R4).

#include "crdt/command.hpp"
#include "sim/chronicle.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace starling::simulation {

/// What a client asked of a replica, and what came of it.
struct operation {
  crdt::key key;
  crdt::command what;
  crdt::replica_id by;
  crdt::value before;           // what the value held, as far as the command touches it
  crdt::value after;            // the same once it is applied
  bool is_acknowledged = false; // the client was told that it is done
};

/// What a client has read of a set: for some members, what was observed of each.
using contexts = std::map<crdt::payload, crdt::version_vector>;

/// All that a value shows; nothing unless it is a set.
contexts contexts_of(const crdt::value& whole);

class history {
public:
  explicit history(chronicle& log) : log_(log) {}

  /// An operation is done: from now on it may show.
  void note(const operation& done);

  /// An operation that was not done never will be: its event may become another.
  void vanishes(const operation& never_done);

  /// A value without the events that are known to be over only because a client said so: it had
  /// read them at one replica, and handed their context to another that had not heard of them.
  crdt::value without_claims_of_clients(const crdt::key& key, const crdt::value& whole) const;

  /// Whether every event in this value is the one that was given its name.
  void check_events(const crdt::key& key, const crdt::value& part);

  /// Whether every event that a client was told of is one.
  void check_contexts(const crdt::key& key, const contexts& read);

  /// Whether the value that all replicas agree on follows from the operations.
  void check_final(const crdt::key& key, const crdt::value& final_value,
                   const std::set<crdt::replica_id>& kept);

  std::set<crdt::key> keys() const;

private:
  struct added {
    crdt::payload member;
    std::set<crdt::replica_id> removed_by; // whose operations observed it and took it away
  };

  using totals = std::pair<crdt::pn_counter::total, crdt::pn_counter::total>;
  using counter_history = std::map<crdt::replica_id, std::vector<totals>>;
  using register_history =
      std::map<std::pair<crdt::lww_register::stamp, crdt::replica_id>, crdt::payload>;
  using set_history = std::map<crdt::dot, added>;

  void note_write(const crdt::key& key, const crdt::lww_register::write& w);
  void note_set(const crdt::key& key, const crdt::set_change& change, const crdt::replica_id& by,
                const crdt::or_set& before, const crdt::or_set& after);
  void note_claims(const crdt::key& key, const crdt::member_change& change,
                   const crdt::or_set& before);
  void check_totals(const crdt::key& key, const crdt::pn_counter& part);
  void check_write(const crdt::key& key, const crdt::lww_register& part);
  void check_adds(const crdt::key& key, const crdt::or_set& part);
  void check(const crdt::key& key, const crdt::pn_counter& counter,
             const std::set<crdt::replica_id>& kept);
  void check(const crdt::key& key, const crdt::lww_register& reg,
             const std::set<crdt::replica_id>& kept);
  void check(const crdt::key& key, const crdt::or_set& set, const std::set<crdt::replica_id>& kept);
  void complain(std::string invariant, const crdt::key& key, std::string what);

  chronicle& log_;
  std::map<crdt::key, counter_history> counters_;
  std::map<crdt::key, register_history> registers_;
  std::map<crdt::key, set_history> sets_;
  std::map<crdt::key, std::map<crdt::payload, crdt::version_vector>> claimed_; // by clients alone
};

/// "set 3".
std::string to_text(const crdt::key& key);

/// Whether an event holds a member in a set.
bool is_live(const crdt::or_set& set, const crdt::payload& member, const crdt::dot& event);

} // namespace starling::simulation
