#pragma once

// What the gossip core knows of one peer, and what is going on with it.

#include "replication/audit.hpp"
#include "replication/digest.hpp"
#include "replication/holdings.hpp"
#include "replication/key_trees.hpp"
#include "replication/message.hpp"
#include "replication/repair.hpp"
#include "replication/row_exchange.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace starling::replication {

// What a message to a peer is about.

struct from_log {
  std::uint64_t to; // the cursor once this is acknowledged
};
struct told_early {
  std::uint64_t to; // up to here nothing is told early once this is acknowledged
};
struct missing_states {};
struct walk_step {};
struct audit_step {};
struct rows_step {};

using topic = std::variant<from_log, told_early, missing_states, walk_step, audit_step, rows_step>;

/// The content of a message, on its way in pieces.
struct outgoing {
  topic about;
  std::uint64_t number;
  std::string content;
  std::uint64_t telling = 0;    // the version of the tallies that it tells
  std::optional<crdt::key> key; // if it is one value
  std::uint64_t sent = 0;       // and acknowledged
  std::uint64_t under_way = 0;  // of the next piece
  bool began_anew = false;
};

// What is under way to a peer: one thing at a time.

struct idle {};
struct sent_message {
  std::uint64_t sequence; // of the message
  topic about;
  std::uint64_t telling = 0; // the version of the tallies that the peer knows once it answers
};
struct reading_states {};

using activity = std::variant<idle, sent_message, reading_states>;

/// A comparison of our keys with a peer's.
struct walk {
  std::uint64_t log_end; // the cursor once it is over: the log's end before it read a digest
  repair_walk steps;
  bool differs = false;   // the first answer said so
  bool brings_all = true; // that we have, so far
};

/// How far the repair of a peer got: what no delta brings it.
struct peer_repair {
  std::optional<walk> walking;
  named_entries lacking;           // what the peer is to be sent the states of
  std::vector<encoded_item> ready; // of those, read and to be sent
  std::size_t ready_bytes = 0;
  std::vector<encoded_item> to_compare; // of those, read and to be compared
  std::optional<row_asking> comparing;

  /// Whether there is more to be done than to walk on.
  bool has_findings() const {
    return comparing || !to_compare.empty() || !ready.empty() || !lacking.empty();
  }
};

/// What is handed on to a peer before its turn (gossip_early.cpp).
struct early_telling {
  std::uint64_t to = 0;       // up to here nothing is told early: it was, or a walk brings it
  bool takes_nothing = false; // until the next tick
  bool is_next = true;        // by turns with what else there is to be done
};

/// What answers to a peer's messages offered it of the log.
struct offers {
  std::uint64_t last = 0;      // the number of the latest
  std::uint64_t to = 0;        // the cursor once that is acknowledged
  std::uint64_t telling = 0;   // the version of the tallies that the peer knows then
  std::uint64_t round_end = 0; // how far those of the present round go
  std::uint64_t owed = 0;      // the offer of theirs that we joined, to be acknowledged
};

struct gossip_peer {
  bool is_present = true;
  std::uint8_t version = wire::spoken.newest; // of messages to it
  type_set reads;
  bool has_said_what_it_reads = false;

  // -- how far it got --
  std::uint64_t cursor = 0;
  bool behind = true;
  std::uint64_t told = 0;        // the version of the tallies that it knows
  bool brought_too_much = false; // this node did not take some value of it, and so lacks that
  std::set<crdt::key> refused;   // values that it does not take
  std::optional<digest> root;    // of what it had when it answered last
  peer_holdings holdings;
  bool has_all = false;        // up to its cursor; else something before that was not brought
  bool had_all = false;        // once, when we lacked nothing
  bool is_to_be_heard = false; // before all is handed on

  // -- what is going on --
  activity doing;
  std::optional<outgoing> cut;
  std::uint64_t round_end = 0;
  replication::phase phase = phase::goes_on; // of the next message
  std::size_t room = 0;                      // for the content of a message
  bool has_failed = false;                   // at last; and was not tried since
  bool put_off = false;                      // it had no time for us; until the next tick
  early_telling early;
  replication::offers offers;

  // -- repairs --
  peer_repair repair;
  bool waits_for_walk = false; // it differs, and we had no time for it
  bool walk_is_over = false;   // and it does not know yet: others may walk now
  bool may_audit = false;      // in this round
  audit audits;

  bool is_idle() const { return std::holds_alternative<idle>(doing); }
  bool can_read(crdt::type t) const { return reads.contains(t); }
};

} // namespace starling::replication
