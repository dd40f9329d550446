#pragma once

// Whole replicas in one process, under virtual time and one seed: values, the gossip core, the real
// encoding, and a network that does its worst.
//
// A node here does what a node's actors do: it applies commands, carries out the core's effects and
// reports back, each step a little later than the one before it, so that writes come in between. A
// node that crashes forgets everything and starts again at the same address with a new session and
// a new replica id; the others hear of it sooner or later.

#include "replication/gossip.hpp"
#include "tests/replication/history.hpp"
#include "tests/replication/network.hpp"
#include "tests/replication/timeline.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace starling::simulation {

using replication::session_id;

struct cluster_options {
  std::set<std::pair<address, address>> links; // who gossips with whom: pairs, lower one first
  std::size_t nodes = 3;
  replication::gossip_limits limits;
  duration gossip_interval{100};
  duration answer_timeout{300};
  duration step_max{3}; // how long one step within a node may take
};

class cluster {
public:
  cluster(std::uint64_t seed, cluster_options options);

  // Events refer to the cluster.
  cluster(const cluster&) = delete;
  cluster& operator=(const cluster&) = delete;

  const cluster_options& options() const { return options_; }
  dice& random() { return random_; }
  network& net() { return net_; }
  history& past() { return past_; }
  duration now() const { return time_.now(); }

  bool is_up(address at) const { return nodes_[at].up; }
  const crdt::value* find(address at, const crdt::key& key) const;

  void run_for(duration length);

  /// A client's request to one node. Nothing happens while that is down.
  void apply(address at, const crdt::key& key, const crdt::command& what);

  /// The node loses all that it had.
  void crash(address at);
  void restart(address at);

  /// Nothing happens on this node for a while; then all that waited does.
  void pause(address at, duration length);

  /// The node takes a peer for dead, and finds it alive again a while later.
  void forget_for_a_while(address at, address peer, duration length);

  /// Ends all mischief, then lets the nodes gossip until none lacks anything and nothing is under
  /// way; complains if that does not come to pass, and checks all that must hold then.
  void settle();

  /// A digest of all that was sent and when: equal for equal runs.
  std::uint64_t trace() const { return trace_; }

  std::size_t messages() const { return messages_; }
  std::size_t transfers() const { return transfers_; }

private:
  struct node {
    explicit node(session_id s, crdt::replica_id r, const replication::gossip_limits& limits)
        : session(s), self(r), core(s, limits) {}

    session_id session;
    crdt::replica_id self;
    replication::gossip core;
    std::map<crdt::key, crdt::value> values;
    std::map<address, session_id> peers;      // whom it believes to be where
    std::map<session_id, std::uint64_t> jobs; // the effect under way for each peer
    duration paused_until{0};
    bool up = true;
  };

  node make_node(address at);
  session_id session_at(address at) const { return nodes_[at].session; }
  bool is_linked(address a, address b) const { return options_.links.contains(std::minmax(a, b)); }
  duration step_time() { return random_.between(duration{0}, options_.step_max); }
  void then(address at, duration delay, std::function<void(node&)> what);
  void run(address at, session_id session, std::function<void(node&)> what);
  void tick(address at);
  void meet(node& n, address where, session_id session);
  void introduce(address newcomer, duration within);
  void record(address at, const crdt::key& key, crdt::value delta, std::optional<session_id> from);

  void perform(address at, node& n, std::vector<replication::effect> effects);
  void carry_out(address at, node& n, const replication::send_message& e);
  void carry_out(address at, node& n, const replication::list_keys& e);
  void carry_out(address at, node& n, const replication::read_states& e);
  void carry_out(address at, node& n, const replication::peer_changed& e);
  void receive(address at, address from, session_id believed, const std::string& bytes);
  void join(address at, session_id from, const std::vector<replication::item>& items);
  void receive_answer(address at, session_id believed, const std::string& bytes);

  bool is_quiet() const;
  void check_final(const std::map<crdt::key, crdt::value>& held);
  std::map<crdt::key, crdt::value> all_that_is_held() const;
  void check_log(const node& n);
  void check_size(const std::string& bytes);
  void note_in_trace(std::string_view bytes);

  cluster_options options_;
  dice random_;
  timeline time_;
  network net_{time_, random_};
  history past_;
  std::vector<node> nodes_;
  std::map<session_id, std::pair<address, std::size_t>> sessions_; // where, and the how manieth
  std::set<crdt::replica_id> kept_; // by nodes that are still in the life that made them
  std::uint64_t jobs_ = 0;
  std::uint64_t trace_ = 14695981039346656037u;
  std::size_t messages_ = 0;
  std::size_t transfers_ = 0;
};

} // namespace starling::simulation
