#pragma once

// What a node does for its gossip: who the peers are and where, what is joined before a message is
// acknowledged, when a peer that failed is tried again, and what is kept of how far nodes got.
//
// replication::gossip decides what is said to whom. This drives it with the keys of a node, which
// answer later: a message or an answer is cut into its parts, each is joined by its key, what was
// new is recorded, and only when all of it is committed is it acknowledged, or does the cursor
// move.
//
// Keys do not tell of each write. They say that they have news, and tell them when they are asked:
// before a round, before a message is answered, and before somebody looks at what is recorded. What
// was not told yet is in no delta and in no digest, so to peers it has not happened yet.
//
// This is a value: it does no I/O and knows no time. What it wants done comes out as effects, in
// the order in which they are to be done; whoever carries an effect out reports back. The gossip
// actor (actors/gossip.cpp) and the simulator (sim/cluster/replica.cpp) do nothing else.

#include "keyspace/answers.hpp"
#include "keyspace/key_core.hpp"
#include "replication/confirmation.hpp"
#include "replication/gossip.hpp"
#include "storage/store.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace starling::keyspace {

using replication::session_id;

// -- effects --

/// Post this to the peer; report `answered` or `failed`.
struct post {
  session_id peer;
  std::string address;
  std::string bytes;
  std::size_t items; // that it brings
  std::size_t elements;
};

/// Let the keys join these, and report `joined` once all of it is committed or has failed. What is
/// new in them is recorded before that.
struct join_parts {
  ticket number;
  session_id from;
  std::vector<replication::item> items;
  bool mends; // a repair found that they were missing
};

/// Have these keys tell their news, so that they are recorded, and then report `gathered`.
struct gather_news {
  std::vector<crdt::key> keys;
};

/// Read the state of a key; report `state_read`.
struct read_state {
  ticket number;
  crdt::key key;
};

/// The answer to a message, or the reason why there is none.
struct reply {
  ticket to;
  std::variant<std::string, failure> what;
  std::size_t items = 0; // that it offers
  std::size_t elements = 0;
};

/// Keep this no later than what is joined from now on.
struct keep {
  storage::batch changes;
};

/// Somebody knows of changes under this id that this node does not have.
struct was_set_back {
  crdt::replica_id lost;
};

/// Report `prompt_due` after the prompt delay.
struct prompt_later {};

/// Report `retry_due` after so long. Replaces an earlier one for the peer.
struct retry_later {
  session_id peer;
  std::chrono::milliseconds wait;
};

/// Report `flush_due` in a moment.
struct flush_later {};

/// All that was to be handed on is handed on.
struct flushed {
  ticket to;
};

/// All is recorded that keys had to tell when `catch_up` was asked for.
struct is_up_to_date {
  ticket to;
};

/// For people: a peer takes no messages, for this reason; or has taken all of them for a while. One
/// that takes some and others not is silent all the while.
struct went_silent {
  std::string address;
  std::string why;
};
struct answers_again {
  std::string address;
};

/// Somebody else than was thought is at this address.
struct stranger {
  std::string address;
};

/// A peer does not take the value of this key, and will lack it.
struct peer_refuses {
  std::string address;
  crdt::key key;
};

/// This peer had, at some moment, all that this node had then, and says that it has lost nothing
/// since it began that session. Said once, as long as it stays so.
struct held_all {
  session_id peer;
  session_id kept_since;
};

/// What this node had lost is back, as far as these members have it. `unheard`: those who may have
/// more of it, and did not come in time.
struct caught_up {
  std::vector<std::string> from;
  std::vector<std::string> unheard;
};

/// Have a change of this node counted that changes nothing, and report `counted`: so that others
/// know that it has come this far.
struct count_moment {};

/// Have committed what was to be kept, for nothing else may come along.
struct commit_what_is_kept {};

using gossip_effect =
    std::variant<post, join_parts, gather_news, read_state, reply, keep, was_set_back, prompt_later,
                 retry_later, flush_later, flushed, is_up_to_date, went_silent, answers_again,
                 stranger, peer_refuses, held_all, caught_up, count_moment, commit_what_is_kept>;
using gossip_effects = std::vector<gossip_effect>;

/// Names a member; the same for all its sessions.
using member_name = std::string;

/// A member that a node knew when it noticed that it had lost something, and what is said of it by
/// then: whether it was alive, and since which session it keeps all that it had, if that was once
/// all that this node had. Of such a one something follows from what it does not have, as long as
/// it says the same of itself. The loss may be older than the others.
struct rescuer {
  bool was_alive = false;
  std::optional<session_id> kept_since{};
};
using rescuers = std::map<member_name, rescuer>;

struct anti_entropy_settings {
  session_id self;
  replication::gossip_limits limits;
  replication::digester digests;
  bool prompts = true;                      // rounds that are out of turn, for what is new
  std::chrono::milliseconds interval{0};    // between rounds: a peer is not spared for longer
  bool is_restoring = false;                // what is on the disk is still to be restored
  std::optional<replication::tally> own{};  // what this node has counted, if there is a disk
  std::vector<replication::tally> former{}; // under ids that it gave up since it lost anything
  bool is_certain = true;                   // others have been asked what they know of this node
  std::optional<keyspace::rescuers> rescuers{}; // if this node has lost something
  std::optional<session_id> kept_since{};       // all that is here; else since this session
  std::vector<session_id> witnesses{}; // that are kept: since when others keep what they know
  std::uint64_t random_seed = 0;
};

class anti_entropy {
public:
  explicit anti_entropy(const anti_entropy_settings& settings);

  // -- what this node has --

  /// Some keys and digests that the disk has.
  void restore(const storage::digests_page& some);
  /// There may be more, which cannot be read. Before `restored`.
  void cannot_restore_all() { core_.cannot_read_all(); }
  /// That was all: peers may be gossiped with.
  void restored(gossip_effects& out);

  /// What was known of others before the start. Before anything else.
  void remember(const std::vector<replication::tally>& tallies);

  /// A key tells of clients' writes, or of what was new in a peer's part.
  void record(crdt::key key, const novelty& news, gossip_effects& out);

  /// A key has news, and tells them once they are gathered.
  void has_news(crdt::key key, gossip_effects& out);

  /// All keys that were asked have told their news.
  void gathered(gossip_effects& out);

  /// Whoever looks at what is recorded wants to see all.
  void catch_up(ticket who, gossip_effects& out);

  void number_under(const crdt::replica_id& id);
  /// Others know of nothing later of this node; or nobody could tell within the time there is.
  void confirmed();
  void found_no_witness() { core_.settle(); }
  /// It turns out that some of what this node had before this session is not here.
  void doubt_what_is_kept();
  /// A moment was counted.
  void counted(std::uint64_t changes);
  void lose(const crdt::key& key) { core_.lose(key); }

  // -- who is there --

  void set_peer(const member_name& who, session_id session, const std::string& address,
                const replication::peer_dialect& how, gossip_effects& out);
  void lose_peer(const member_name& who, gossip_effects& out);

  // -- time --

  void round_due(gossip_effects& out);
  void tick(gossip_effects& out);
  void prompt_due(gossip_effects& out);
  void retry_due(session_id peer, gossip_effects& out);
  void flush_due(gossip_effects& out);

  /// The last thing before a stop: hands on all that any peer lacks. `hears_all`: each peer is
  /// asked even if it lacks nothing.
  void flush(ticket who, gossip_effects& out, bool hears_all = false);

  // -- messages --

  /// A message came. Fails with a sentence if it cannot be read.
  void receive(ticket who, std::string_view bytes, gossip_effects& out);

  void answered(session_id peer, std::string_view bytes, bool was_slow, gossip_effects& out);
  void failed(session_id peer, const std::string& why, gossip_effects& out);

  // -- what the keys say --

  void joined(ticket number, const join_outcome& what, gossip_effects& out);

  /// Encoded; empty if the key has none, or if it cannot be read.
  void state_read(ticket number, std::string bytes, gossip_effects& out);

  // -- views --

  const replication::gossip& core() const { return core_; }
  bool is_restoring() const { return is_restoring_; }

  /// What this node knows of a replica id, for a node that comes back.
  replication::statement state(const crdt::replica_id& about) const;

  /// Keys on the disk of which this version does not know the type or the format.
  std::uint64_t unknown_keys() const { return unknown_keys_; }

  /// How many items of messages and answers were skipped, for this version does not know their type
  /// or format, or for it has the key in a format that it does not know.
  std::uint64_t skipped() const { return core_.skipped() + skipped_; }

  /// How many messages came to nothing: without an answer, with a bad one, or with one of which the
  /// disk did not take all that it brought.
  std::uint64_t failures() const { return failures_; }

  /// Whether the answer of that peer is being joined.
  bool is_joining_answer_of(session_id peer) const { return joining_answers_.contains(peer); }

  /// Whether parts are being joined.
  bool is_joining() const { return joining_ > 0; }

private:
  /// A message of a peer, or the answer of one, until all that it brings is joined.
  struct arrival {
    session_id from;
    bool mends = false;
    std::optional<failure> why{};
    ticket reply_to = 0;                                    // if it is a message
    std::optional<replication::gossip::incoming> message{}; // else it is an answer
    replication::answer head{};
    bool was_slow = false;
  };

  /// States that the core has asked for.
  struct reading {
    session_id peer;
    std::size_t left = 0;
    std::vector<replication::encoded_item> states{};
  };

  struct wanted_state {
    std::optional<ticket> arrival; // of the message that wants it; else it is of a reading
    ticket reading = 0;
    crdt::key key{};
  };
  struct waiting_peer {
    session_id session;
    std::string address;
    replication::peer_dialect how;
  };

  // What is done once news are gathered: it tells peers of what is here, or compares it.
  struct begin_round {};
  struct begin_prompt {};
  struct begin_flush {
    ticket who;
    bool hears_all;
  };
  struct meet_peers {};
  struct acknowledge_message {
    ticket arrival;
  };
  struct say_up_to_date {
    ticket who;
  };
  using after_news = std::variant<begin_round, begin_prompt, begin_flush, meet_peers,
                                  acknowledge_message, say_up_to_date>;

  void when_gathered(after_news what, gossip_effects& out);
  void start_gathering(gossip_effects& out);
  void go_on(const begin_round&, gossip_effects& out);
  void go_on(const begin_prompt&, gossip_effects& out);
  void go_on(const begin_flush& what, gossip_effects& out);
  void go_on(const meet_peers&, gossip_effects& out);
  void meet(const member_name& who, const waiting_peer& peer, gossip_effects& out);
  void go_on(const acknowledge_message& what, gossip_effects& out);
  void go_on(const say_up_to_date& what, gossip_effects& out);
  void join(arrival what, std::vector<replication::item> items, gossip_effects& out);
  void finish(ticket number, gossip_effects& out);
  void finish_message(ticket number, arrival& what, gossip_effects& out);
  void finish_answer(const arrival& what, gossip_effects& out);
  void acknowledge(const arrival& what, std::string_view state, gossip_effects& out);
  void perform(std::vector<replication::effect> todo, gossip_effects& out);
  void perform(replication::send_message& e, gossip_effects& out);
  void perform(replication::read_states& e, gossip_effects& out);
  void perform(replication::peer_changed& e, gossip_effects& out);
  void perform(replication::value_refused& e, gossip_effects& out);
  void keep_what_was_told(gossip_effects& out);
  void forget_what_is_kept(gossip_effects& out);
  void prompt_soon(gossip_effects& out);
  void spare(session_id peer, gossip_effects& out);
  void continue_flush(gossip_effects& out);
  void age_silence(gossip_effects& out);
  void see_what_came_of_it(session_id peer, gossip_effects& out);
  void count_moments(gossip_effects& out);
  void note_witness(session_id peer, gossip_effects& out);
  void see_whether_all_is_back(gossip_effects& out);

  // Who failed is tried again out of turn after this, then later and later.
  static constexpr std::chrono::milliseconds retry_after{100};

  // So long all members are waited for that were alive when something was lost, ticks.
  static constexpr unsigned rescue_age_max = 15;

  // What others brought is counted no sooner than so long after the last count, ticks. What was
  // told of others waits for a commit no longer than this.
  static constexpr unsigned moment_age = 5;

  // Who has failed answers again once it has not failed for so long, ticks.
  static constexpr unsigned settled_after = 5;

  anti_entropy_settings settings_;
  replication::gossip core_;
  std::mt19937_64 random_;
  bool is_restoring_;
  std::map<member_name, waiting_peer> early_peers_; // that are met once all is restored and told
  std::map<member_name, session_id> sessions_;      // of the members that are there
  std::map<session_id, std::string> addresses_;     // where those are
  std::map<session_id, std::chrono::milliseconds> spared_; // who failed last, and for how long
  std::set<session_id> silent_;                            // who failed since it answered last
  std::map<session_id, unsigned> told_silent_; // and for so many ticks has not failed again
  std::map<session_id, session_id> holders_;   // who had all, and since when they keep it
  std::map<ticket, arrival> arrivals_;
  std::map<ticket, reading> readings_;
  std::map<ticket, wanted_state> wanted_states_;
  std::set<session_id> joining_answers_;
  std::size_t joining_ = 0;               // arrivals of which parts are being joined
  ticket last_ticket_ = 0;                // of what this asks of the keys
  std::vector<crdt::key> news_of_;        // keys that have some, since the last gathering
  bool is_gathering_ = false;             // they are asked
  std::vector<after_news> after_news_;    // to be done once they have told them
  std::vector<after_news> after_another_; // once those have that have news since
  std::optional<crdt::replica_id> own_id_;
  std::uint64_t kept_tallies_ = 0; // the version that is kept, or on its way to the disk
  bool is_id_certain_ = false;     // events may be numbered under the present id
  bool has_moved_ = true;          // since the last count: a start is a move
  bool is_counting_ = false;
  unsigned count_age_ = moment_age; // ticks
  bool has_kept_ = false;           // what may not be committed yet
  unsigned kept_age_ = 0;           // ticks
  std::set<member_name> came_;      // rescuers that brought all that they had
  bool is_prompted_ = false;
  unsigned rescue_age_ = 0; // ticks
  std::uint64_t failures_ = 0;
  std::uint64_t unknown_keys_ = 0;
  std::uint64_t skipped_ = 0;  // beside those that the core skipped
  bool has_forgotten_ = false; // since when all is kept, on the disk
  std::vector<ticket> flushing_;
};

} // namespace starling::keyspace
