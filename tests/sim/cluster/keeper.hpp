#pragma once

// What the actor of a key does, in virtual time: it holds the value as far as it is in memory, and
// sees to it that nobody learns of a change before it is committed.
//
// It goes on as the actor does. What the two have in common, the value and its rows, is the same
// code; what is written twice, when something is loaded, committed, told and taken back, is what
// the simulator is about.

#include "storage/held_value.hpp"
#include "tests/sim/cluster/history.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace starling::simulation {

/// What a change brought: the part that was new, if any, and the digest of the value with it.
struct novelty {
  std::optional<crdt::value> part;
  replication::digest now;
};

class keeper {
public:
  /// Reads something of a moment, and says what is to be done once that has arrived.
  using reading = std::function<std::function<void()>(const storage::moment&)>;

  /// What the keys of a replica share.
  struct surroundings {
    chronicle& log;
    history& past;
    crdt::replica_id self;
    replication::digester digests;
    std::uint64_t whole_bytes = 0; // more of a set is not held for long, if there is a disk
    bool has_disk = false;

    std::function<crdt::lww_register::stamp()> wall;

    /// Reads in a moment.
    std::function<void(reading)> read;

    /// Commits a change, which may be a client's, and says whether that worked.
    std::function<void(storage::batch, std::shared_ptr<operation>, std::function<void(bool)>)>
        commit;

    std::function<void(std::string invariant, std::string what)> complain;
  };

  keeper(crdt::key key, const surroundings& around);

  // Callbacks refer to the keeper.
  keeper(const keeper&) = delete;
  keeper& operator=(const keeper&) = delete;

  // Each calls its last argument once, with nothing if what it needs cannot be read or committed.

  using told = std::function<void(const novelty*)>;
  void write(std::shared_ptr<operation> what, told then);
  void join(const crdt::value& part, told then);

  /// A client reads one member of a set, or everything.
  using shown = std::function<void(const crdt::value*)>;
  void read(std::optional<crdt::payload> member, shown then);

  /// The encoded value, empty at its bottom.
  using encoded = std::function<void(const std::string*)>;
  void read_state(encoded then);

  /// Whether it does nothing, so that what it holds may be dropped or is all there is.
  bool is_idle() const { return !is_loading_ && committing_.empty(); }

  /// What is in memory.
  const storage::held_value* held() const { return value_ ? &*value_ : nullptr; }

private:
  struct written {
    std::shared_ptr<operation> what;
    told then;
  };
  struct query {
    std::optional<crdt::payload> member;
    shown then;
  };
  struct arrival {
    crdt::value part;
    told then;
  };
  struct state_query {
    encoded then;
  };
  using job = std::variant<written, query, arrival, state_query>;

  void take(job what);
  void start(job what);
  void go_on();
  void load(job what);
  void load_rows(job what, const storage::wanted_rows& wanted);
  void start_and_go_on(job what);

  storage::wanted_rows lacks(const written& w) const;
  storage::wanted_rows lacks(const query& q) const;
  storage::wanted_rows lacks(const arrival& a) const;
  storage::wanted_rows lacks(const state_query&) const { return {}; }

  void perform(written& w);
  void perform(query& q);
  void perform(arrival& a);
  void perform(state_query& q);
  std::optional<crdt::value> join_and_check(const crdt::value& part, storage::batch* changed);
  void read_all(std::function<void(const crdt::value&)> then);

  using finish = std::function<void(bool is_committed)>;
  void when_committed(finish then);
  void commit(storage::batch changed, std::shared_ptr<operation> what, finish then);
  void committed(std::uint64_t life);
  void lost(std::uint64_t life);

  crdt::key key_;
  const surroundings& around_;
  std::optional<storage::held_value> value_; // nothing until it is loaded
  bool is_loading_ = false;
  std::deque<job> waiting_;
  std::deque<std::vector<finish>> committing_; // for each change on its way to the disk
  std::uint64_t life_ = 0;                     // of the value in memory
};

} // namespace starling::simulation
