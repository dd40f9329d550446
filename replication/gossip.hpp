#pragma once

// The gossip of one node: who lacks which deltas, what to send next, and what an answer means.
//
// Anti-entropy by acknowledged delta intervals (Almeida, Shoker, Baquero, Delta State Replicated
// Data Types, Algorithm 2). For each peer a cursor says up to where in the log the peer has
// everything. A round picks one peer that lacks something and sends it the join, key by key, of the
// log's entries above the cursor, cut in log order into messages, each sent only after the one
// before it was acknowledged: so the receiver's state always includes the sender's at the start of
// an interval (causal delta merging). Of each entry a peer is sent what it is not known to have
// (better than BP), and only novelties enter the log (RR; Enes et al., Efficient Synchronization of
// State-based CRDTs). The answer to a message offers in the same way what its sender lacks
// (push-pull), and the next message says that this was joined. If nobody lacks anything, a round
// asks somebody whether he has something. Where rounds go to all peers at a time, only who asks is
// offered something: the others are told as soon.
//
// A peer is *behind* when its session is new or the log no longer reaches back to its cursor. It is
// sent the state of every key; its cursor is then where the log ended before the first state was
// read.
//
// This is a value: it does no I/O and knows no time. What it wants done comes out as effects;
// whoever carries them out reports back, once for each. At most one effect for a peer is under way
// at a time, whether the peer is gone meanwhile or not.

#include "replication/delta_log.hpp"
#include "replication/message.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <variant>
#include <vector>

namespace starling::replication {

struct gossip_limits {
  std::size_t message_bytes = 256 * 1024;   // aimed at; one value that is larger travels alone
  std::size_t log_bytes = 64 * 1024 * 1024; // past it the oldest entries go
  std::size_t fanout = 1;                   // rounds that are started at a time
};

/// Send these bytes to the peer; report `answered` or `failed`.
struct send_message {
  session_id peer;
  std::string bytes;
  std::size_t items; // in them
};

/// Name all keys of this node; report `listed`.
struct list_keys {
  session_id peer;
};

/// Read the states of these keys; report `states_read`.
struct read_states {
  session_id peer;
  std::vector<crdt::key> keys;
};

/// The peer is in another session than we believe; find out who is there now.
struct peer_changed {
  session_id believed;
  session_id present;
};

using effect = std::variant<send_message, list_keys, read_states, peer_changed>;

class gossip {
public:
  gossip(session_id self, gossip_limits limits);

  // -- what happens on this node --

  /// Logs what is new here: the delta of a write, or the novelty of a join.
  void record(crdt::key key, const crdt::value& delta, std::optional<session_id> heard_from);

  /// A peer sent this, so it has it. To be told before it is joined.
  void heard(session_id peer, const std::vector<item>& items);

  /// A peer may be gossiped with from now on. It starts behind, unless it was one before and the
  /// log still reaches back to where it got then.
  void add_peer(session_id peer);

  /// A peer is gone, for now or for good: no round is for it and the log keeps nothing for it. An
  /// effect that is under way is to be reported all the same, and may be answered well.
  void remove_peer(session_id peer);

  /// Of so many peers that are gone it is known how far they got; those that got least far are
  /// forgotten first.
  static constexpr std::size_t gone_max = 256;

  // -- rounds --

  /// Starts a round with one peer, drawn by `random` among those that are idle and lack something;
  /// if there is none, among all that are idle.
  std::vector<effect> round(std::uint64_t random);

  /// Starts a round with every peer that is idle and lacks something, except for some. Repeated
  /// until it gives nothing and all is quiet, it hands on everything that can be handed on.
  std::vector<effect> rounds(const std::set<session_id>& except);

  /// Whether no effect is under way.
  bool is_quiet() const;

  /// Whether this is the answer to the message that is under way to the peer. Any other is to be
  /// ignored, or reported as `failed` by whoever knows that no better one will come.
  bool expects(session_id peer, const answer& a) const;

  /// The expected answer came. Before that, what it offers was `heard` and joined, and the
  /// novelties recorded.
  std::vector<effect> answered(session_id peer, const answer& a);

  /// The effect under way came to nothing; what it was part of begins anew in a later round.
  void failed(session_id peer);

  std::vector<effect> listed(session_id peer, std::vector<crdt::key> keys);
  std::vector<effect> states_read(session_id peer, std::vector<encoded_item> states);

  // -- what others send --

  /// Whether a message is meant for this session. If so, let its items be `heard`, join them,
  /// `record` the novelties, and answer with `joined`; otherwise with `refused`.
  bool is_for_us(const message& m) const { return m.to == self_; }

  struct reply {
    std::string bytes;
    std::size_t items = 0; // that it offers
  };
  reply joined(const message& m); // its items are not looked at
  std::string refused(const message& m) const;

  // -- for display --

  struct peer_status {
    session_id peer;
    bool behind;
    std::uint64_t pending; // log entries that it has not acknowledged; all of them if it is behind
  };
  std::vector<peer_status> status() const;
  const delta_log& log() const { return log_; }

private:
  /// The states of all keys, on their way to one peer.
  struct transfer {
    std::uint64_t log_end;           // the log's end before the first state was read
    std::vector<crdt::key> keys;     // still to be read
    std::vector<encoded_item> ready; // read and to be sent; a message's worth, if there is as much
    std::size_t ready_bytes = 0;
  };

  enum class waiting { nothing, answer, keys, states };

  struct peer_state {
    bool present = true;
    std::uint64_t cursor = 0;
    bool behind = true;
    std::uint64_t round_end = 0;
    replication::phase phase = phase::goes_on; // of the next message
    waiting for_what = waiting::nothing;
    std::uint64_t sequence = 0;     // of the latest message to it
    std::uint64_t in_flight_to = 0; // the cursor once that message is acknowledged
    std::uint64_t owed = 0;         // the offer of theirs that we joined, to be acknowledged
    std::uint64_t offered = 0;      // the latest offer of ours
    std::uint64_t offered_to = 0;   // the cursor once that is acknowledged
    std::uint64_t offer_end = 0;    // how far the offers of the present round go
    std::optional<transfer> moving;
  };

  std::vector<session_id> candidates() const;
  std::vector<effect> start_round(session_id peer);
  void skip_known(session_id id, peer_state& p);
  peer_state* find_waiting(session_id peer, waiting for_what);
  std::vector<effect> give_up(peer_state& p);
  void forget_gone();
  void keep_log_bounded();
  std::vector<effect> advance(session_id id, peer_state& p);
  std::vector<effect> advance_transfer(session_id id, peer_state& p);
  std::vector<effect> advance_log(session_id id, peer_state& p);
  struct interval {
    std::vector<encoded_item> items;
    std::uint64_t end; // the cursor once they are acknowledged
  };
  interval lacking(session_id id, const peer_state& p, std::uint64_t end) const;
  effect send(session_id id, peer_state& p, const std::vector<encoded_item>& items);
  void drop_acknowledged();

  session_id self_;
  gossip_limits limits_;
  // Of the latest message to anyone: a peer that was forgotten and comes back in the same session
  // must not take a late answer for that to a newer message.
  std::uint64_t sequence_ = 0;
  delta_log log_;
  std::map<session_id, peer_state> peers_;
};

} // namespace starling::replication
