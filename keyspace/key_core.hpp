#pragma once

// The state machine of one key: what a client's write, a read, or a peer's part does to the value,
// when it is loaded, and who learns of a change when.
//
// Requests are done one after the other, in the order in which they came. Where there is a disk,
// the value is loaded when the first request needs it; of a large one with rows only the rows that
// are needed. A change is applied at once and then committed. Whoever would learn of it is told
// when it is committed: the client that made it, one that reads it, the gossip, the peer that sent
// it. If a change cannot be committed, no later one can be either: the value in memory is dropped
// and loaded anew, those who made the changes are told that they failed, and those who only read
// are shown what the disk has.
//
// The gossip is not told of each write. Deltas of a value without rows are joined until it asks,
// once for each of its rounds; so a key that is written often costs it no more than one that is
// written once. What is told of a key goes in order, and so the digest that comes last is that of
// all that was told: whoever joins a part, or reads the state, is told of it after the writes.
//
// This is a value: it does no I/O and knows no actor. What it wants done comes out as effects, in
// the order in which they are to be done; whoever carries an effect out reports back. Actors
// (actors/key.cpp) and the simulator (sim/cluster/keeper.cpp) both do nothing else.

#include "crdt/command.hpp"
#include "crdt/query.hpp"
#include "crdt/view.hpp"
#include "keyspace/answers.hpp"
#include "keyspace/fifo.hpp"
#include "storage/held_value.hpp"
#include "storage/reading.hpp"
#include "wire/result.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace starling::keyspace {

/// Names a request until it is answered. Whoever makes the request draws the number.
using ticket = std::uint64_t;

/// What is the same for all keys of a node.
struct key_settings {
  replication::digester digests;
  std::uint64_t value_bytes_max = UINT64_MAX; // a write that would grow a larger value is refused
  bool has_disk = false;
  std::uint64_t whole_bytes = 0; // with a disk, more of a value with rows is not held for long
};

// -- effects --

/// Read the value; report `loaded` or `could_not_read`.
struct load_value {};

/// Read rows of the value; report `loaded_rows` or `could_not_read`.
struct load_rows {
  storage::wanted_rows wanted;
};

/// Commit this after all that was to be committed before; report `committed` or `not_committed`.
struct commit_change {
  std::uint64_t number; // of the commit, for the report
  storage::batch changed;
  std::optional<ticket> writer; // the client's write; nothing for what a peer sent
};

/// Let the gossip know of clients' writes, or of what was new in a peer's part, before anything
/// that is told later of this key.
struct spread {
  novelty news;
};

/// Let the gossip know that there are clients' writes to be told of, which it may ask for:
/// `tell_news`. Said once for all writes until then.
struct has_news {};

/// Answer from what the disk has, for the value in memory is not whole.
struct read_from_disk {
  ticket to;
  std::optional<crdt::query> what; // nothing: the encoded state
};

/// Events that were numbered under this id are lost. Find out, or make, the id that counts from now
/// on; report `renewed`.
struct renew_replica {
  crdt::replica_id lost;
};

/// What came of a join: so many elements were new, and the gossip has been told of them.
struct joined_elements {
  std::size_t number = 0;
};

/// The answer to a write or a read; to a join; to `read_state` (encoded; empty if there is no
/// value); or the failure of any of them.
struct answer {
  ticket to;
  std::variant<crdt::view, joined_elements, std::string, failure> what;
};

using effect = std::variant<load_value, load_rows, commit_change, spread, has_news, read_from_disk,
                            renew_replica, answer>;
using effects = std::vector<effect>;

// -- requests --

struct write_request {
  ticket from;
  crdt::command what;
  crdt::lww_register::stamp now; // microseconds since 1970 when it came
};
struct read_request {
  ticket from;
  crdt::query what;
};
struct join_request {
  ticket from;
  crdt::value part;
  std::optional<replication::session_id> sender{}; // the peer
};
struct state_request {
  ticket from;
};
using request = std::variant<write_request, read_request, join_request, state_request>;

class key_core {
public:
  /// Nothing of the value is in memory, if there is a disk; else it is at its bottom. Requires: the
  /// settings outlive this.
  key_core(crdt::key key, const key_settings& settings, const crdt::replica_id& self);

  /// The value is in memory. Requires: there is no disk.
  key_core(storage::held_value value, const key_settings& settings, const crdt::replica_id& self);

  // -- inputs --

  // Each carries out at once what would be a request. Requires: there is no disk, so that nothing
  // is ever under way.

  wire::result<crdt::view, failure> write_now(const crdt::command& what,
                                              crdt::lww_register::stamp now, effects& out);
  joined_elements join_now(const crdt::value& part,
                           const std::optional<replication::session_id>& sender, effects& out);

  /// Takes a request behind all others.
  void add(request what) { waiting_.push(std::move(what)); }

  /// Does the next thing that can be done now, and adds what is to be done about it. False if there
  /// is nothing. To be repeated after each input until it is false.
  bool step(effects& out);

  /// The request that the next step carries out; none if the step does something else.
  const request* next() const;

  void loaded(std::optional<storage::held_value> kept); // nothing if the key was never written
  void loaded_rows(storage::some_rows rows);
  void could_not_read(const failure& why, effects& out);

  /// `own_changes`: how many changes of its own this node has committed by then.
  void committed(std::uint64_t number, std::uint64_t own_changes, effects& out);
  void not_committed(std::uint64_t number, const failure& why, effects& out);

  /// The gossip asks for what it was not told yet; so does whoever ends this.
  void tell_news(effects& out);

  /// Events are numbered under that id from now on; nothing if no id could be kept.
  void renewed(const std::optional<crdt::replica_id>& id);
  void number_under(const crdt::replica_id& id) { self_ = id; }

  // -- views --

  const crdt::key& key() const { return key_; }

  /// Whether nothing is under way: the value may be dropped if there is a disk, and is all that is
  /// to be kept if there is none.
  bool is_idle() const { return !is_busy() && waiting_.empty() && committing() == 0; }

  /// Whether there are committed writes that the gossip was not told of.
  bool knows_news() const { return news_ != nullptr; }

  /// What is in memory; nothing before it is loaded.
  const storage::held_value* held() const { return value_ ? &*value_ : nullptr; }

  /// About how many bytes that is.
  std::size_t bytes() const { return value_ ? value_->bytes() : 0; }

private:
  /// The view of a client's write, and what it changed, if anything.
  struct written {
    crdt::view seen;
    std::optional<novelty> news;
    crdt::replica_id by;
  };
  /// A read, and what it shows; nothing if the disk is to be asked.
  struct shown {
    crdt::query what;
    std::optional<crdt::view> seen;
  };
  /// A peer's part, and what was new in it, if anything.
  struct joined {
    std::optional<novelty> news;
  };
  /// The state, encoded; nothing if the disk is to be asked.
  struct encoded {
    std::optional<std::string> state;
  };

  /// Somebody who is told once a commit, and so all before it, is done.
  struct waiter {
    std::uint64_t commit;
    ticket who;
    std::variant<written, shown, joined, encoded> what;
  };

  bool is_busy() const { return is_loading_ || is_renewing_; }
  std::uint64_t committing() const { return last_commit_ - done_commit_; }

  storage::wanted_rows lacks_for_first() const;
  storage::wanted_rows lacks(const write_request& w) const;
  storage::wanted_rows lacks(const read_request& r) const;
  storage::wanted_rows lacks(const join_request& j) const;
  storage::wanted_rows lacks(const state_request&) const { return {}; }

  void perform(write_request& w, effects& out);
  void perform(read_request& r, effects& out);
  void perform(join_request& j, effects& out);
  void perform(state_request& s, effects& out);

  void commit(storage::batch changed, std::optional<ticket> writer, effects& out);
  void when_committed(waiter w, effects& out);
  void tell(waiter& w, std::uint64_t own_changes, effects& out);
  void add_news(crdt::value& delta, const replication::digest& now,
                const std::optional<replication::tally>& counted, effects& out);
  void tell_of_failure(waiter& w, const failure& why, effects& out);

  crdt::key key_;
  const key_settings* settings_;
  crdt::replica_id self_;
  std::optional<storage::held_value> value_; // nothing before it is loaded
  bool is_loading_ = false;                  // for the first request that waits
  bool is_renewing_ = false;
  bool is_outdated_ = false; // what is being loaded is of a value that was dropped meanwhile
  bool has_rows_ = false;    // all rows that the first request needs were loaded
  fifo<request> waiting_;
  fifo<waiter> waiters_;          // in the order of their commits
  std::unique_ptr<novelty> news_; // what the gossip was not told yet; often nothing
  std::uint64_t last_commit_ = 0; // its number
  std::uint64_t done_commit_ = 0; // the number of the last one that was done or has failed
};

} // namespace starling::keyspace
