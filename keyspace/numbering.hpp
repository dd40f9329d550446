#pragma once

// The state machine of the replica id: under which id a node numbers its events, and from when on.
//
// After a start the id of the disk may be in doubt: the disk may be an older state of itself, and
// others may have events of this node that it has forgotten. Numbering on would use event numbers
// twice. So whoever wants to number something is held until the others have confirmed the id. If
// nobody can tell, the first who wants to number costs another id. If somebody knows more, or has
// an event that the disk lacks, the id is given up at once.
//
// Another id counts once it is kept on the disk, for the next life must not go on under the old
// one. With it is kept what others may rely on (storage/kept_since.hpp): where something turned out
// to be lost, that this node vouches only for what it has since this session; else the id that was
// given up, and how far it got, for others may still show that something was lost.
//
// This is a value: it does no I/O and draws nothing. What it wants done comes out as effects. Where
// another id may be needed, `fresh` is one that nobody had before.

#include "crdt/replica_id.hpp"
#include "keyspace/answers.hpp"
#include "replication/session.hpp"
#include "replication/tallies.hpp"
#include "storage/evidence.hpp"
#include "storage/identity.hpp"
#include "storage/store.hpp"

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

namespace starling::keyspace {

/// Names somebody who waits for the id, until he is answered.
using id_ticket = std::uint64_t;

/// Commit this, synced; report `kept` or `failed`.
struct keep_id {
  storage::batch change;
  crdt::replica_id id;
  storage::renewal why;
};

/// All who number events, or vouch for them, go on under this id.
struct number_under {
  crdt::replica_id id;
  storage::renewal why;
};

/// The id to number under, or why nothing is numbered any more.
struct answer_id {
  id_ticket to;
  std::variant<crdt::replica_id, failure> what;
};

using numbering_effect = std::variant<keep_id, number_under, answer_id>;
using numbering_effects = std::vector<numbering_effect>;

class numbering {
public:
  struct settings {
    crdt::replica_id replica;                 // that the disk has
    replication::session_id session{};        // of this process
    std::uint64_t changes = 0;                // of this node, that the disk has
    std::vector<replication::tally> former{}; // under ids that it gave up since it lost anything
    bool is_certain = true;
    storage::evidence seen{}; // of the disk
    bool is_careful = false;  // all that leaves the node is synced before
  };

  explicit numbering(settings with);

  // -- inputs --

  /// Somebody wants to number an event.
  void ask(id_ticket who, const crdt::replica_id& fresh, numbering_effects& out);

  /// The others know of nothing later.
  void confirmed(numbering_effects& out);

  /// Nobody can tell what the others know.
  void doubted(const crdt::replica_id& fresh, numbering_effects& out);

  /// Something turned out to be lost of what was numbered under this id. Who says so is told the id
  /// that counts instead; nothing happens if it is given up already.
  void give_up(const crdt::replica_id& lost, const storage::renewal& why,
               const crdt::replica_id& fresh, std::optional<id_ticket> who, numbering_effects& out);

  /// The last `keep_id` is on the disk.
  void kept(numbering_effects& out);

  /// The disk takes nothing any more, so no event is numbered any more.
  void failed(const failure& why, numbering_effects& out);

  // -- views --

  const crdt::replica_id& replica() const { return settings_.replica; }

  /// Whether events are numbered under it.
  bool is_certain() const { return settings_.is_certain && !keeping_; }

  /// Whether nobody could tell; else the others are asked, as long as the id is not certain.
  bool is_doubtful() const { return is_doubtful_; }

  bool holds_anybody() const { return !held_.empty(); }

private:
  /// Another id, and why it takes the place of the present one.
  struct change {
    crdt::replica_id id;
    storage::renewal why;
  };

  void begin(change to, numbering_effects& out);
  void answer(const std::vector<id_ticket>& who, numbering_effects& out) const;

  settings settings_;
  bool is_doubtful_ = false;
  std::optional<change> keeping_;  // while that is written
  std::optional<change> next_;     // for a loss that was found meanwhile
  std::vector<id_ticket> held_;    // who want to number
  std::vector<id_ticket> waiting_; // who gave up an id, for the next one
  std::optional<failure> failure_; // of the disk
};

} // namespace starling::keyspace
