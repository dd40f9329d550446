#pragma once

// Carries requests to the core of a key, and out what the core wants done, in virtual time, as the
// key's actor does; and checks what the core does.

#include "keyspace/key_core.hpp"
#include "sim/cluster/committer.hpp"
#include "sim/cluster/history.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace starling::simulation {

using replication::session_id;

class keeper {
public:
  /// Reads something in a snapshot, and says what is to be done once that has arrived.
  using reading = std::function<std::function<void()>(const storage::snapshot&)>;

  /// Learns the id that counts from now on; nothing if none could be kept.
  using renewed = std::function<void(const std::optional<crdt::replica_id>&)>;

  /// What the keys of a replica share.
  struct surroundings {
    chronicle& log;
    history& past;
    crdt::replica_id self;
    keyspace::key_settings settings;

    std::function<crdt::lww_register::stamp()> wall;

    /// Reads in a snapshot.
    std::function<void(reading)> read;

    /// Commits a change, which may be a client's, and says whether that worked.
    std::function<void(storage::batch, std::shared_ptr<operation>, committer::committed)> commit;

    /// Has events numbered under another id than the one that was lost, and says which.
    std::function<void(const crdt::replica_id& lost, renewed)> renew;

    /// The gossip learns of clients' writes, or of what was new in a peer's part.
    std::function<void(const crdt::key&, const keyspace::novelty&)> spread;

    /// The gossip learns that there are writes to be told of.
    std::function<void(const crdt::key&)> has_news;

    std::function<void(std::string invariant, std::string what)> complain;
  };

  keeper(const crdt::key& key, const surroundings& around);

  // Callbacks refer to the keeper.
  keeper(const keeper&) = delete;
  keeper& operator=(const keeper&) = delete;

  // Each calls its last argument once, with nothing if what it needs cannot be read or committed.

  /// `then` learns whether the client is told that its write is done.
  void write(std::shared_ptr<operation> what, std::function<void(bool)> then);

  /// `then` learns why it failed, if it did.
  using told = std::function<void(const keyspace::failure*)>;
  void join(session_id sender, const crdt::value& part, told then);

  /// Tells the gossip what it was not told yet.
  void tell_news();

  /// A client reads one member of a set, or everything, and learns contexts of members.
  using shown = std::function<void(const contexts*)>;
  void read(const std::optional<crdt::payload>& member, shown then);

  /// The encoded value, empty at its bottom.
  using encoded = std::function<void(const std::string*)>;
  void read_state(encoded then);

  void number_under(const crdt::replica_id& id) { core_.number_under(id); }

  /// Whether it does nothing, so that what it holds may be dropped or is all there is, once its
  /// news are told.
  bool is_idle() const { return core_.is_idle(); }
  bool knows_news() const { return core_.knows_news(); }

  /// What is in memory.
  const storage::held_value* held() const { return core_.held(); }

private:
  struct written {
    std::shared_ptr<operation> what;
    std::function<void(bool)> then;
    bool is_committing = false; // so whoever commits tells the history
  };
  using asker = std::variant<written, told, shown, encoded>;
  using event_of = std::pair<crdt::payload, crdt::dot>;

  keyspace::ticket ask(asker who);
  void go_on();
  bool step(keyspace::effects& todo);
  std::vector<event_of> removed_here(const crdt::value& part) const;
  void check_removed(const std::vector<event_of>& removed);

  static void complain_unless_damaged(const surroundings& around, const storage::failure& why);
  std::function<void()> cannot_read(const storage::failure& why);
  static void answer_nothing(const asker& who);
  void carry_out_all(const keyspace::effects& todo);
  void carry_out(const keyspace::load_value& e);
  void carry_out(const keyspace::load_rows& e);
  void carry_out(const keyspace::commit_change& e);
  void carry_out(const keyspace::spread& e);
  void carry_out(const keyspace::has_news& e);
  void carry_out(const keyspace::read_from_disk& e);
  void carry_out(const keyspace::renew_replica& e);
  void carry_out(const keyspace::answer& e);
  void answer_write(const written& who, const keyspace::answer& e);
  void answer_read(const shown& who, const keyspace::answer& e);

  const surroundings& around_;
  keyspace::key_core core_;
  std::map<keyspace::ticket, asker> askers_;
  keyspace::ticket last_ticket_ = 0;
};

} // namespace starling::simulation
