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
// A peer is *behind* when its session is new or the log no longer reaches back to its cursor. Then
// the hash trees of the two nodes are compared, and the states of what differs are exchanged, both
// ways; the cursor is afterwards where the log ended before the first digest was read. The same
// happens, now and then, where two nodes turn out to differ in what no log brings (audit.hpp). One
// walk at a time goes beyond its first question; of two nodes that want to walk over each other the
// one with the lower session does. What is recorded meanwhile does not wait for all that: it goes
// early, out of order, and moves no cursor (gossip_early.cpp). A large value with rows is compared
// by its rows (row_exchange.hpp).
//
// Two nodes need not read the same types of values: what is sent, compared and counted as equal is
// of the types that both read (key_trees.hpp). A peer says what it reads in all that it sends.
//
// A value with rows may be larger than anything that is sent, put together or kept at a time: it is
// cut into deltas (value_parts.hpp). Anything else that is larger than a message goes in pieces
// (fragments.hpp); a peer may refuse what is too large for it, and then lacks it for good.
//
// How far each node got with numbering its events goes along with what is sent (tallies.hpp), so
// that one whose disk was set back is told.
//
// What is known of a peer, and what is under way to it, is in gossip_peer.hpp; since when a node
// has lost nothing, in holdings.hpp. The core is in parts: peers and rounds (gossip.cpp), what the
// log holds for a peer (gossip_sending.cpp), what others send (gossip_receiving.cpp), what is told
// early (gossip_early.cpp), and repairs (gossip_repair.cpp).
//
// This is a value: it does no I/O and knows no time. What it wants done comes out as effects;
// whoever carries them out reports back, once for each. At most one effect for a peer is under way
// at a time, whether the peer is gone meanwhile or not.

#include "replication/arrivals.hpp"
#include "replication/audit.hpp"
#include "replication/delta_log.hpp"
#include "replication/digest.hpp"
#include "replication/fragments.hpp"
#include "replication/gossip_peer.hpp"
#include "replication/holdings.hpp"
#include "replication/key_trees.hpp"
#include "replication/message.hpp"
#include "replication/repair.hpp"
#include "replication/row_exchange.hpp"
#include "replication/tallies.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <variant>
#include <vector>

namespace starling::replication {

struct gossip_limits {
  std::size_t message_bytes = 256 * 1024;       // of content; what is larger goes in pieces
  std::size_t log_bytes = 64 * 1024 * 1024;     // past it the oldest entries go
  std::size_t fanout = 1;                       // rounds that are started at a time
  std::size_t pieces_bytes = 64 * 1024 * 1024;  // of contents that come in pieces, together
  std::size_t joining_bytes = 16 * 1024 * 1024; // of what others sent and is being joined, together
  std::size_t whole_value_bytes = 16 * 1024;    // larger ones are compared by their rows
  std::size_t part_bytes = 64 * 1024; // of one with rows; less if messages or pieces are smaller
  bool audits = true;                 // looks for what differs and no delta brings
  dialect ours{};                     // less than all of it in simulations only
};

/// Send these bytes to the peer; report `answered` or `failed`.
struct send_message {
  session_id peer;
  std::string bytes;
  std::size_t items;    // in them
  std::size_t elements; // in those
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

/// The peer will not take this key's value: nothing else waits for it.
struct value_refused {
  session_id peer;
  crdt::key key;
};

using effect = std::variant<send_message, read_states, peer_changed, value_refused>;

/// What the repairs did so far.
struct repair_counts {
  std::uint64_t walks = 0;    // over a peer that was behind and differed
  std::uint64_t findings = 0; // that an audit led to
  std::uint64_t values = 0;   // that were compared by their rows, to the end
};

class gossip {
public:
  gossip(session_id self, gossip_limits limits, digester digests);

  // -- what happens on this node --

  /// A key's value has this digest, from before this session, unless it was recorded meanwhile.
  void restore(const crdt::key& key, const digest& d);

  /// A key's value is lost: there is nothing any more.
  void lose(const crdt::key& key);

  /// Logs what is new here: the delta of a write, or the novelty of a join. `now` is the digest of
  /// the key's value with it.
  void record(crdt::key key, const crdt::value& delta, const digest& now,
              std::optional<session_id> heard_from);

  /// From now on this node numbers its events under that id, on a disk.
  void numbers_under(const crdt::replica_id& id) { holdings_.numbers_under(id); }

  /// It did so under that one, and has counted so much, since it lost anything.
  void numbered_under(const tally& t);

  /// A node, perhaps this one, got so far: to be told with what is sent from now on.
  void note(const tally& t) { tallies_.raise(t); }

  /// A peer may be gossiped with from now on. It starts behind, unless it was one before and the
  /// log still reaches back to where it got then. `how` it is written to: the types are those that
  /// it is known to read, until it says itself what it reads.
  void add_peer(session_id peer, const peer_dialect& how = {});

  /// A peer is gone, for now or for good: no round is for it and the log keeps nothing for it. An
  /// effect that is under way is to be reported all the same, and may be answered well.
  void remove_peer(session_id peer);

  /// Of so many peers that are gone it is known how far they got; those that got least far are
  /// forgotten first.
  static constexpr std::size_t gone_max = 256;

  /// About a second has passed.
  void tick();

  /// Who had no time for us may have some now; so it is at each tick, too.
  void ask_again();

  // -- rounds --

  /// Starts a round with one peer, drawn by `random` among those that are idle and lack something;
  /// if there is none, among all that are idle.
  std::vector<effect> round(std::uint64_t random);

  /// Hands on what is new, out of turn: a round that is under way goes on to the end of the log,
  /// and one is started as by `round`, if somebody lacks something. Whoever failed last is spared.
  std::vector<effect> prompt(std::uint64_t random);

  /// Whether there is anything to be handed on by `prompt`, or will be, as there is more to be
  /// recorded.
  bool may_prompt(bool has_more = false) const;

  /// Starts a round with a peer that failed, if it lacks something and is idle.
  std::vector<effect> retry(session_id peer);

  /// Starts a round with every peer that is idle and lacks something, except for some. Repeated
  /// until it gives nothing and all is quiet, it hands on everything that can be handed on.
  std::vector<effect> rounds(const std::set<session_id>& except);

  /// Each peer is to answer something by `rounds`, even if it lacks nothing.
  void hear_all();

  /// Whether no effect is under way.
  bool is_quiet() const;

  /// Whether somebody lacks something who has no time for us now.
  bool was_put_off() const;

  /// Whether this is the answer to the message that is under way to the peer.
  bool expects(session_id peer, const answer& a) const;

  /// Takes what an expected answer brings: this is to be joined, and the novelties recorded, before
  /// it is `answered`. Nothing if the answer is not expected: it is to be ignored, or reported as
  /// `failed` by whoever knows that no better one will come.
  std::optional<std::vector<item>> receive_answer(session_id peer, const answer& a);

  /// The expected answer came, and what it brought is joined. `was_slow`: it took so long that less
  /// should be sent at a time.
  std::vector<effect> answered(session_id peer, const answer& a, bool was_slow = false);

  /// The effect under way came to nothing; what it was part of begins anew in a later round.
  void failed(session_id peer);

  std::vector<effect> states_read(session_id peer, std::vector<encoded_item> states);

  // -- what others send --

  /// What a message asks for: to join its items and record the novelties, then to read the state of
  /// that key, if any, and then to say `joined`.
  struct incoming {
    message head;
    std::vector<item> items;
    std::optional<crdt::key> wanted;
    std::uint64_t pieces = 0; // the number of the content, if it came in pieces
    bool brings_items = false;
  };

  struct reply {
    std::string bytes;
    std::size_t items = 0;    // that it offers
    std::size_t elements = 0; // in those
    std::vector<effect> effects{};
  };

  /// Takes a message: nothing may be left to be done for it but to answer. While something of its
  /// sender is being joined, or too much of others, nothing more is taken to be joined: `busy`.
  std::variant<incoming, reply> receive(message m);

  /// All of it is joined; `state` is that of the wanted key, encoded, empty if it has none.
  reply joined(const incoming& in, std::string_view state = {});

  /// Some of it could not be joined, and will not be: no answer is given.
  void not_joined(const incoming& in);

  /// Whether this node has lost something that nobody has brought back yet.
  void lacks_data(bool does);

  /// This node has lost nothing since it began that session: what it had then and got later is
  /// here. Peers are told so if that is this session. Otherwise the disk may have been set back
  /// since, which others may know: so each is told once what it knows of this node is heard, and
  /// once the node has asked those it can, as `settle` says.
  void keeps_since(session_id first) { holdings_.keep_since(first); }
  void settle(bool is_settled = true) { holdings_.settle(is_settled); }

  /// It turns out that some of what this node had before this session is not here.
  void begin_anew() { holdings_.begin_anew(); }

  /// Since when this node has lost nothing; 0 if it does not say so.
  session_id kept_since() const { return holdings_.kept_since(); }

  /// Something that is here cannot be read, or may be here that this does not know of. So it brings
  /// nobody all that it has: from now on peers are told nothing of what it keeps, nor is anybody
  /// said to have all of it.
  void cannot_read_all() { holdings_.cannot_read_all(); }

  /// Since when a peer has lost nothing, as it says; nothing if it does not say so.
  std::optional<session_id> kept_since(session_id peer) const;

  /// The same, if the peer had everything at some moment of this session that this node had then,
  /// which was something, and no less than it ever had. Who does not read the type of a key does
  /// not have that key.
  std::optional<session_id> had_all_and_kept_it_since(session_id peer) const;

  /// Whether, at some moment of this session, this node had everything that a peer had, which was
  /// something; as long as it has lost data, and as far as both read it. A peer sends from its log,
  /// or offers, only what comes after all that we are known to have.
  bool has_caught_up_with(session_id peer) const { return caught_up_.contains(peer); }

  // -- what is known of how far nodes got --

  const replication::tallies& tallies() const { return tallies_; }

  /// Those that were forgotten since this was last asked.
  std::vector<crdt::replica_id> take_forgotten() { return tallies_.take_forgotten(); }

  /// Whether somebody knows of changes under the present id, or one that it had since it lost
  /// anything, that this node does not: then it must not number another under it, and has lost
  /// something.
  bool was_set_back() const { return holdings_.was_set_back(); }

  // -- for display --

  struct peer_status {
    session_id peer;
    bool behind;
    std::uint64_t pending; // log entries that it has not acknowledged; all of them if it is behind
    std::uint64_t refused = 0;     // values of ours that it does not take, as far as is known
    bool brought_too_much = false; // some value of theirs was too large for us, so we lack it
    bool is_mending = false;       // it may have lost something that can come back
    bool is_whole = false; // it has answered since `hear_all`, keeps all, and reads all of ours

    /// Whether it lacks something that we have.
    bool is_lacking() const { return behind || pending > 0 || refused > 0; }
  };
  std::vector<peer_status> status() const;
  const delta_log& log() const { return log_; }

  /// Values that a peer does not take, until it has them all the same.
  const std::set<crdt::key>& refused_by(session_id peer) const;

  /// Whether a peer reads all types that this node reads. Who does not cannot have brought all that
  /// this node may have had.
  bool reads_all_of_ours(session_id peer) const;

  /// The digests of all keys.
  joint_tree tree() const { return trees_.all(); }
  joint_tree tree(const type_set& types) const { return trees_.of(types); }
  const repair_counts& repairs() const { return repairs_; }

  /// How many contents of peers were too large for this node, or no message.
  std::uint64_t not_taken() const { return not_taken_; }

  /// How many items came of types or formats that this version does not know.
  std::uint64_t skipped() const { return skipped_; }

private:
  /// Somebody whose questions we answer, and how long ago the last one came.
  struct asker {
    session_id who;
    unsigned age = 0; // ticks
  };

  joint_tree shared_with(const gossip_peer& p) const;
  bool has_work(session_id id, const gossip_peer& p) const;
  static bool is_held_up(const gossip_peer& p);
  std::uint64_t told_to(const gossip_peer& p) const;
  bool may_tell_early(const gossip_peer& p) const;
  std::optional<effect> tell_early(session_id id, gossip_peer& p);
  std::uint64_t needed_after(const gossip_peer& p) const;
  bool may_walk(session_id id, const gossip_peer& p) const;
  bool is_walking() const;
  bool is_walked_by(session_id id) const { return walker_ && walker_->who == id; }
  std::vector<session_id> candidates() const;
  std::vector<effect> start_round(session_id peer);
  void fall_behind(gossip_peer& p) const;
  void skip_known(session_id id, gossip_peer& p);
  void heard(session_id peer, const std::vector<item>& items);
  void hear_tallies(session_id peer, const std::vector<tally>& told);
  session_id told_kept_since(session_id peer) const;
  effect ask(session_id peer);
  bool is_whole() const {
    return !holdings_.lacks_data() && holdings_.reads_all() && trees_.all().root() != digest{};
  }
  bool can_have_all(const gossip_peer& p) const { return trees_.are_within(p.reads); }
  void hear_what_it_reads(gossip_peer& p, const type_set& said) const;
  std::vector<tally> tallies_for(const message& m, const gossip_peer* p) const;
  std::vector<effect> give_up(gossip_peer& p);
  void forget_gone();
  void keep_log_bounded();
  std::vector<effect> advance(session_id id, gossip_peer& p);
  std::optional<effect> compare_rows(session_id id, gossip_peer& p);
  std::optional<effect> send_states(session_id id, gossip_peer& p);
  std::optional<effect> step_of_walk(session_id id, gossip_peer& p);
  std::vector<effect> advance_log(session_id id, gossip_peer& p);
  std::vector<effect> begin_audit(session_id id, gossip_peer& p);
  struct interval {
    std::vector<encoded_item> items;
    std::uint64_t end; // the cursor once they are acknowledged
    std::size_t bytes; // of the items, about
  };
  interval lacking(session_id id, const gossip_peer& p, std::uint64_t from,
                   std::uint64_t end) const;
  message head_of(session_id id, gossip_peer& p);
  effect send(session_id id, gossip_peer& p, const topic& about, message m,
              const std::vector<encoded_item>& items = {});
  effect send_piece(session_id id, gossip_peer& p);
  std::vector<effect> objected(session_id id, gossip_peer& p, const topic& about, verdict why);
  static std::size_t walk_bytes(std::size_t room);
  std::size_t smaller(std::size_t room, std::size_t divisor) const;
  void take_differences(gossip_peer& p, const answer& a);
  void fall_back(gossip_peer& p) const;
  bool is_better_sent_whole(const gossip_peer& p, const row_step& next) const;
  std::size_t part_bytes() const;
  void add_parts(const crdt::key& key, const crdt::value& whole, gossip_peer& p) const;
  void found(gossip_peer& p, const audit::finding& f);
  std::optional<verdict> objection(const message& m);
  void note_walker(const message& m);
  void note_not_taken(session_id peer);
  void prepare(const row_step& s, incoming& in) const;
  void answer_walk(const message& m, answer& into);
  void answer_comparison(const incoming& in, std::string_view state, answer& into);
  void offer(const message& m, gossip_peer& p, answer& into, std::vector<encoded_item>& items);
  void drop_acknowledged();

  // What a message takes beside its items: counts, marks, a session.
  static constexpr std::size_t content_around = 40;

  // What a message to a peer holds follows how well they get through, up to `message_bytes`: what
  // is large is slow where packets get lost, and begins anew when it has taken too long.
  static constexpr std::size_t room_at_first = 16 * 1024;
  static constexpr std::size_t room_min = 4096;

  // Of so many values it is remembered that a peer does not take them.
  static constexpr std::size_t refused_max = 1000;

  // For a peer that is behind no more entries are kept than these, to be told early.
  static constexpr std::uint64_t early_max = 1024;

  // Who asks nothing for longer has given up, ticks.
  static constexpr unsigned asker_age_max = 8;

  session_id self_;
  gossip_limits limits_;
  // Of the latest message to anyone: a peer that was forgotten and comes back in the same session
  // must not take a late answer for that to a newer message.
  std::uint64_t sequence_ = 0;
  digester digests_;
  delta_log log_;
  key_trees trees_;
  std::map<session_id, gossip_peer> peers_;
  assembly pieces_;
  arrivals arriving_;
  std::optional<asker> walker_;            // who compares all keys with ours
  std::optional<row_answering> answering_; // who compares a value with ours
  unsigned answering_age_ = 0;             // ticks
  unsigned since_audit_ = 0;               // ticks
  repair_counts repairs_;
  replication::holdings holdings_;
  std::uint64_t whole_from_ = 0;   // in the log: before its end there was something lacking
  std::set<session_id> caught_up_; // with these; nobody is asked about but while data is lacking
  replication::tallies tallies_;
  std::uint64_t skipped_ = 0;
  std::uint64_t not_taken_ = 0;
};

} // namespace starling::replication
