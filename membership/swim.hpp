#pragma once

// Who is in the cluster, and who does not answer: SWIM with Lifeguard's extensions and a repair of
// its own, as one value without clock, randomness, sockets or threads.
//
// An input is something that happened, and when. Each input fills `out()` with what is to be done
// and told; the driver carries that out before the next input. Time is measured from any start. An
// input with an earlier time than the one before counts as simultaneous with it. Equal inputs and
// equal seeds have equal outputs.
//
//  - Every probe interval this node pings one member, in a shuffled round. If the member does not
//    answer, `K` helpers ping it, and its cluster listener is asked over HTTP (SWIM 4.1, 4.3;
//    memberlist's fallback).
//  - A member that answers nobody is suspected and told so. It is dead after a time that shrinks
//    with the number of independent accusers (SWIM 4.2; Lifeguard IV). This node accuses only after
//    a failed probe of its own; an accusation that it heard of keeps the names of its accusers.
//  - A slow node doubts itself first. Each failed probe lowers the node's own health, and that
//    lengthens its interval and its timeouts. A process that did not run moves its deadlines by as
//    much (stall.hpp). A node that hears nothing from anybody delays its verdicts (silence.hpp).
//  - Changes travel in gossip and on probes. Each packet has a digest of the sender's table: two
//    settled members whose digests differ exchange their tables.
//  - Dead members are pinged now and then, and seeds are asked. A node that is held dead is told
//    so, and refutes. So a partition that lasts shorter than `dead_retention` heals without help,
//    and a longer one through the seeds.
//  - A seed is an address in the configuration. It is tried until it answers, and is no member.
//
// The class has the table of members, and what follows from its changes; its source is in several
// files, by subject. What can be understood alone is a value in a file of its own: the probes for
// others (relays.hpp), the farewell (farewell.hpp), the contest over an address
// (address_contest.hpp), silence, stalls, seeds, dissemination, calls under way
// (pending_calls.hpp).
//
// Driver: hand over received packets before a tick that is late. Call `tick` at `next_tick()`;
// early and late calls are harmless. Run at most one core for each process.

#include "membership/address_contest.hpp"
#include "membership/dissemination.hpp"
#include "membership/farewell.hpp"
#include "membership/member_list.hpp"
#include "membership/member_table.hpp"
#include "membership/outputs.hpp"
#include "membership/packet.hpp"
#include "membership/paths.hpp"
#include "membership/pending_calls.hpp"
#include "membership/probes.hpp"
#include "membership/random.hpp"
#include "membership/reach.hpp"
#include "membership/refusal.hpp"
#include "membership/relays.hpp"
#include "membership/round_trip.hpp"
#include "membership/seeds.hpp"
#include "membership/settings.hpp"
#include "membership/silence.hpp"
#include "membership/stall.hpp"
#include "wire/call.hpp"
#include "wire/replay_guard.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace starling::membership {

/// Who this node is, at the start of a process.
struct identity {
  node_id id;
  // Above every generation that this id had: max(stored + 1, milliseconds now).
  std::uint64_t generation = 0;
  std::uint64_t wall_clock = 0; // milliseconds since 1970; generations far beyond it are refused
  session_id session;
  std::string address;
  std::string name;
  std::string http_address;
  std::uint64_t last_generation = 0; // of the last life that is remembered; 0 if there is none
  membership::abilities abilities{};
};

/// Totals since the start; they only grow.
struct counters {
  std::uint64_t packets_sent = 0;
  std::uint64_t packets_received = 0; // authentic ones
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t dropped_malformed = 0;
  std::uint64_t dropped_version = 0; // records of members, too
  std::uint64_t dropped_foreign = 0;
  std::uint64_t dropped_not_authentic = 0;
  std::uint64_t dropped_replayed = 0;
  std::uint64_t dropped_own = 0;   // our own packets, come back
  std::uint64_t dropped_full = 0;  // records of members beyond the bound
  std::uint64_t dropped_ahead = 0; // records and packets of generations far ahead of our clock
  std::uint64_t probes = 0;
  std::uint64_t probes_indirect = 0;
  std::uint64_t probes_failed = 0;
  std::uint64_t nacks_received = 0;
  std::uint64_t suspicions = 0;   // raised by us
  std::uint64_t verdicts = 0;     // of death, by us
  std::uint64_t failures = 0;     // learned or found
  std::uint64_t refutations = 0;  // of what was said of us
  std::uint64_t false_alarms = 0; // dead members that turned out to live
  std::uint64_t syncs = 0;
  std::uint64_t syncs_failed = 0;
  std::uint64_t stalls = 0;
};

/// What this node knows of a peer at first hand, for display.
struct peer_view {
  const member* record = nullptr;
  duration since{0};       // when it got its state here
  duration round_trip{0};  // smoothed; zero without a sample
  std::uint8_t health = 0; // as it said itself; 0 is best
  bool replaced = false;   // dead or left, and another came to its address
  bool udp = true;         // as far as is known: datagrams get through
  bool tcp = true;         // and calls do
  bool tcp_in = true;      // and calls of its own reach this node, as it says
  bool unreached = false;  // it says again and again that it lives, and nothing gets in to it
};

class swim {
public:
  /// Requires: `complaint_about(s)` is nothing; the identity makes a valid profile. Nothing happens
  /// before `start`.
  swim(const settings& s, const identity& who, const wire::secret& secret,
       std::vector<std::string> seed_addresses, std::uint64_t random_seed, duration now);

  // -- inputs --

  /// From now on the node takes part, reachable at `where`; a second call moves it.
  void start(duration now, const udp_address& where);

  /// The wall clock shows `milliseconds` since 1970. The driver says so now and then, for a clock
  /// may be set. A generation that is more than `clock_tolerance` ahead of the wall clock and of
  /// our own generation is refused.
  void set_wall_clock(duration now, std::uint64_t milliseconds);

  /// Does what is due.
  void tick(duration now);

  /// A datagram arrived at `now`.
  void receive(duration now, const udp_address& from, std::string_view bytes);

  /// A member called over HTTP. The call is authentic and was admitted, as each call is once
  /// (wire/call_guard.hpp); `content` is what follows its header. Returns the answer, whole.
  wire::decoded<std::string> answer(duration now, call_kind kind, std::string_view content);

  /// A `call` was answered. Returns what is wrong with the answer, if something is.
  wire::possible<wire::decode_error> call_answered(duration now, std::uint64_t token,
                                                   std::string_view answer);
  void call_failed(duration now, std::uint64_t token, const call_failure& why = {});

  /// The end of a lookup: where the name of a seed leads, as host:port; or why that is not known.
  void found(duration now, const std::string& seed, std::vector<std::string> addresses);
  void not_found(duration now, const std::string& seed, const std::string& why);

  /// Something else than this value sent over HTTP to the member at `address`; says whether that
  /// was answered.
  void reached(duration now, const std::string& address, bool was_reached);

  /// Another process is at `address` than this node knows of: exchange tables with it soon.
  void call_on(duration now, const std::string& address);

  /// Leaves the cluster: tells everyone, and ends with `left_cluster`. The node goes on answering.
  void leave(duration now);

  /// Takes part again after `leave`, in a new generation.
  void rejoin(duration now);

  // -- outputs --

  const outputs& out() const { return out_; }

  /// When `tick` has something to do next; any input may change it. Nothing before `start`.
  std::optional<duration> next_tick() const;

  // -- views --

  bool is_started() const { return started_; }
  bool is_leaving() const { return farewell_.has_value(); } // or has left

  /// Whether this node is without the others: it hears nothing from anybody, or knows nobody and
  /// should, or all the others refuse it.
  bool is_isolated() const { return silence_.is_cut_off() || alone_ || is_refused_by_all(); }
  bool is_alone() const { return alone_; }
  const member& self() const { return table_.find(id_)->record; }
  unsigned health() const { return health_; } // 0 is best
  const counters& totals() const { return totals_; }
  const member_table& table() const { return table_; }

  /// Everybody but ourselves that has a profile, by id.
  std::vector<peer_view> peers() const;

  /// How many members are alive or suspect. This node counts, unless it has left.
  std::size_t live_members() const { return live_.size() + (is_leaving() ? 0 : 1); }

  /// In which version to write to somebody who speaks these: the newest that we share, or our
  /// newest if there is none, so that the other side can say that there is none.
  std::uint8_t version_for(const wire::protocol_range& theirs) const;

  /// What all members can, this node and those that are dead included: whatever they can does not
  /// get lost among them. Not those that left, or whose address another member has since.
  abilities shared_abilities() const;

  /// Whether all members read values of that type and format: then they may be written.
  bool do_all_read(std::uint8_t type, std::uint8_t format) const {
    return can_read(shared_abilities(), type, format);
  }

  /// Seeds that never answered.
  std::vector<std::string> unreached_seeds() const { return seeds_.unreached(); }

  /// Whether others accuse this node again and again, and nothing of theirs gets in to its address.
  bool is_unreached() const { return own_reach_.is_unreached(); }

  /// Who claims the address of this node; nothing if nobody does, or none did lately.
  std::optional<member> address_rival() const;

  /// The nodes that take this node for no member, and those that this node takes for none, by
  /// address.
  const refusals& refused_by() const { return refused_by_; }
  const refusals& refusing() const { return refusing_; }

  /// What came of each seed and each of its addresses.
  std::vector<seeds::attempt> seed_attempts() const { return seeds_.attempts(); }

  /// Whether a seed was reached, or there is none.
  bool has_joined() const { return seeds_.any_reached(); }

private:
  /// What is known of a live peer at first hand.
  struct contact {
    membership::round_trip round_trip;
    membership::paths paths;
    std::uint8_t health = 0;
    // A suspicion that runs here.
    duration suspected{0}; // since
    duration verdict{0};   // when it ends
    duration excused{0};   // by how much it began anew, since this node was cut off
    bool is_suspected = false;
    // The digests of both tables when an exchange of them brought nothing.
    std::uint64_t fruitless_digest = 0; // the member's
    std::uint64_t fruitless_own = 0;
  };

  /// Where a record comes from that is joined into the table.
  enum class source : std::uint8_t {
    packet,
    call,          // a list of members, or the answer to a ping
    first_list,    // a list that came while no other member was live: it is not passed on
    own_suspicion, // a probe of this node failed
    own_verdict,   // this node declares the member dead
  };

  // swim.cpp: inputs and outputs
  void begin(duration now);
  void finish();
  void handle(const opened_packet& p, const udp_address& from, std::size_t bytes);
  void absorb_stall();
  void heard();
  void check_silence();
  void change_health(int by);
  void emit(event_kind kind, const member& who);
  std::uint8_t version_for(const node_id& peer) const;
  packet_header header(packet_kind kind, std::uint8_t version);
  bool is_settled() const;
  /// Sends a packet with the news that fits. If `counts`, that news counts as told to one more
  /// member; it does not if the receiver may be gone. An answer is in the `version` of what it
  /// answers, whatever the profile of the peer says, which may be that of an earlier life.
  void send(const udp_address& to, packet_kind kind, const packet_body& body, const node_id* peer,
            bool counts, std::optional<std::uint8_t> version = std::nullopt);
  void send_bare(const udp_address& to, std::uint8_t version, packet_kind kind,
                 const packet_body& body, const std::optional<member>& about = std::nullopt);

  // swim_members.cpp: the table and what follows from its changes
  void join_record(const member& said, source from, duration age = duration{0});
  void hear_about_self(const member& said, source from);
  void look_for_forgotten_life(const member& said);
  bool is_ahead_of_clock(const incarnation& at) const;
  bool is_far_ahead(const node_id& id, const incarnation& at) const;
  bool is_of_other_versions(const member& said) const;
  void refute(const incarnation& accused);
  void publish_self(const incarnation& at, bool is_renewed);
  void yield_id(const member& rival, source from);
  void draw_another_id(std::uint64_t generation);
  void end_generation_ahead(duration most);
  std::uint64_t clock() const;
  void after_change(const node_id& id, const status& before, bool was_known, const change& what,
                    source from);
  void tell_of(const member& m, const change& what);
  void became_live(const member_table::entry& e);
  void became_gone(const node_id& id, source from);
  void check_address(const member& m);
  void suspect_member(const node_id& id);
  void time_suspicion(const node_id& id);
  void confirm_suspicion(const member& accused);
  void declare_dead(const node_id& id);
  void end_suspicions();
  void forget_old();
  duration sweep_interval() const;
  void notice_sender(const packet_header& h, const udp_address& from);
  void note_copy(const session_id& other);
  bool may_tell_dead(const node_id& id);
  void tell_dead(const node_id& id, const udp_address& to);
  void tell_forgotten(const member& said);
  bool is_live(const node_id& id) const { return live_contacts_.contains(id); }

  // swim_probes.cpp: pings, helpers and acks
  void probe_due();
  void start_probe(const node_id& target, bool urgent);
  void go_indirect(probe& p);
  void probe_failed(const probe& p);
  void probe_answered(std::size_t index, const packet_header* direct);
  void on_ping(const opened_packet& p, const udp_address& from);
  void on_ack(const opened_packet& p);
  void on_ping_req(const opened_packet& p, const udp_address& from);
  void on_nack(const opened_packet& p);
  void on_gone(const opened_packet& p, const udp_address& from);
  void relays_due();
  duration probe_timeout(const node_id& peer) const;
  duration scaled_interval() const;

  // swim_repair.cpp: gossip, syncs, healing, leaving
  void gossip_due();
  void repair_due();
  void compare_digest(const packet_header& h);
  void sync_with(const std::string& address, std::optional<std::string> seed, const node_id& peer,
                 std::uint64_t digest);
  void make_call(const pending_call& c, const wire::challenge& to);
  wire::challenge last_known(const node_id& peer) const;
  wire::possible<wire::decode_error> read_answer(const pending_call& done, std::string_view bytes);
  void give_up(const pending_call& c, const std::string& why);
  /// The sender of a list of members, and what was known of the sender before the list came.
  struct list_sender {
    node_id id;
    std::optional<member> former;
  };
  void put_table(wire::writer& out, std::uint8_t version, const std::vector<member>* theirs,
                 const std::optional<member>& former = std::nullopt);
  wire::decoded<std::vector<member>> read_table(wire::reader& in, list_sender& sender);
  void probe_a_dead();
  void leave_due();
  void on_leave(const opened_packet& p, const udp_address& from);
  void on_leave_ack(const opened_packet& p);
  std::optional<node_id> random_live();

  // swim_paths.cpp: what gets through to a member, and what does not
  void heard_directly(const node_id& id);
  void heard_otherwise(const node_id& id);
  void called(const std::string& address, bool was_reached);
  paths::timing paths_timing() const { return {settings_.path_misses, settings_.path_patience}; }
  void note_calls_of(const packet_header& h);

  // swim_reach.cpp: who lives and is reached by nobody
  void note_miss(const node_id& id);
  void note_contradiction(const member& m);
  void note_reached(const node_id& id);
  void note_answer(const node_id& id, const std::string& address);
  void was_accused();
  void got_in();
  void forget_misses();

  // swim_refusals.cpp: who is no member for whom
  refusal refusal_of(const incarnation& at) const;
  refusal refusal_of(const wire::protocol_range& theirs) const;
  void refuse_far_ahead(const member& said, const std::string& where);
  void refuse_other_versions(const member& said);
  refusal refuse_version(const list_head& caller);
  void tell_of_refusal(const member& said, const std::string& where, const refusal& why);
  std::optional<refusal> refuse(const member& caller, bool was_full);
  void notify_refused(const packet_header& h, const udp_address& from, std::size_t bytes);
  void on_refused(const opened_packet& p, const udp_address& from);
  void is_refused(const std::string& address, const refusal& what);
  void forget_refusals();
  bool is_refused_by_all() const;

  // swim_seeds.cpp: the search for others, and what is said if there are none
  void seeds_due();
  void ask_seeds();
  void seed_failed(const pending_call& c, const std::string& why);
  std::optional<duration> alone_due() const;
  bool should_know_others() const;
  void check_company();

  settings settings_;
  wire::secret secret_;
  wire::tag cluster_;
  node_id id_;
  profile profile_;
  std::uint64_t first_generation_;
  std::uint64_t last_generation_; // of the life before this process, if it is remembered
  std::uint64_t wall_clock_at_start_;
  duration start_;
  random_source random_;

  duration now_{0};
  bool started_ = false;
  member_table table_;
  dissemination queue_;
  wire::replay_guard replays_; // packets
  seeds seeds_;
  outputs out_;
  counters totals_;
  std::uint64_t counter_ = 0;     // of packets that were sent
  std::uint64_t next_number_ = 1; // of pings, requests and farewells

  std::vector<node_id> live_; // peers that are alive or suspect; each has a profile
  std::map<node_id, contact> live_contacts_;
  std::vector<node_id> round_; // the members that are to be probed in this round; the last is next
  std::vector<probe> probes_;
  relays relays_;
  std::vector<node_id> suspects_;
  std::map<node_id, reach> doubts_;       // whether we reach the members that we have missed
  reach own_reach_;                       // whether others reach us
  std::map<node_id, duration> told_dead_; // when a member that we hold dead was last told so
  session_id known_copy_;                 // the process with our id that was told of last
  std::optional<duration> complained_;    // when a clock that is far ahead was told of last
  refusals refused_by_;
  refusals refusing_;

  unsigned health_ = 0;
  silence silence_;
  bool alone_ = false;
  duration alone_since_{0}; // when another member was live last
  duration last_change_{0};
  stall_watch stalls_;

  duration next_probe_{0};
  duration next_gossip_{0};
  duration next_sync_{0};
  duration next_digest_sync_{0};
  duration next_dead_probe_{0};
  duration next_sweep_{0};
  pending_calls calls_; // their tokens number our calls, too
  address_contest contest_;
  std::optional<farewell> farewell_; // from `leave` to `rejoin`
};

} // namespace starling::membership
