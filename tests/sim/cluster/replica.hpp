#pragma once

// What a process of a simulated cluster does with data: values, the gossip core and the real
// encoding.
//
// It does what a node's actors do: it applies commands, carries out the core's effects and reports
// back, and takes membership's word for who is a peer. Values stand in several shards; each step
// between the core and a shard takes a moment, so that others come in between, but none overtakes
// another on the same way.

#include "replication/gossip.hpp"
#include "storage/held_value.hpp"
#include "tests/sim/cluster/history.hpp"
#include "tests/sim/membership/process.hpp"

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace starling::simulation {

using replication::session_id;

/// What a disk holds of a node's data, or what there is of it at first.
struct stored_data {
  crdt::replica_id self;
  std::map<crdt::key, storage::held_value> values;
};

class replica {
public:
  struct surroundings {
    timeline& time;
    chronicle& log;
    history& past;
    replication::gossip_limits limits;
    replication::digester digests;
    duration interval; // between rounds, about

    /// Sends a gossip message; ends with `answered` or `failed`, in the process.
    std::function<void(replica& from, session_id peer, const std::string& address,
                       std::string bytes)>
        post;

    /// States will now be read, to be sent to somebody.
    std::function<void(replica&)> reads_states;

    /// Tells membership that somebody else is at this address than was thought.
    std::function<void(process&, const std::string& address)> call_on;
  };

  replica(process& in, std::string name, const surroundings& around, stored_data data, dice random);

  // Events refer to the replica.
  replica(const replica&) = delete;
  replica& operator=(const replica&) = delete;

  // -- inputs, in the process --

  /// A client's request.
  void write(const crdt::key& key, const crdt::command& what);

  /// A gossip message came; `reply` is called at most once.
  void receive(const std::string& bytes, std::function<void(std::string)> reply);

  void answered(session_id peer, const std::string& bytes);
  void failed(session_id peer);

  /// An answer came after its message was reported as failed or answered: it must not count.
  void answered_late(session_id peer, const std::string& bytes);

  /// A value gets lost, and nobody notices. Not if something is on its way to it or from it.
  bool lose(const crdt::key& key);

  /// Membership tells of a member.
  void hears(const membership::event& e);

  // -- views --

  process& home() const { return in_; }
  const std::string& name() const { return name_; }
  session_id session() const { return {in_.born.self.session.bits}; }
  const stored_data& data() const { return data_; }
  const crdt::value* find(const crdt::key& key) const;
  const replication::gossip& core() const { return core_; }

  /// When it last sent a message or learned anything.
  duration last_activity() const { return last_activity_; }

private:
  /// When the last of what is on a way through the node arrives.
  using way = duration;

  void take(way& w, std::function<void()> what);
  void after_input();
  way& to_shard(const crdt::key& key);
  way& from_shard(const crdt::key& key);
  void schedule_round();
  void set_peer(const membership::member& m);
  void lose_peer(const membership::node_id& id);
  void apply(const crdt::key& key, const crdt::command& what);
  std::optional<crdt::value> join(const crdt::key& key, const crdt::value& part);
  void join_all(session_id from, const std::vector<replication::item>& items,
                std::function<void()> then);
  void acknowledge(const replication::gossip::incoming& in, std::string_view state,
                   const std::function<void(std::string)>& reply);
  void record(const crdt::key& key, const crdt::value& delta, const replication::digest& now,
              std::optional<session_id> from);
  void read(const crdt::key& key, std::function<void(std::string)> then);
  void perform(std::vector<replication::effect> effects);
  void carry_out(replication::send_message& e);
  void carry_out(const replication::read_states& e);
  void carry_out(const replication::peer_changed& e);
  void carry_out(const replication::value_refused& e);
  void begin(session_id peer);
  void check_size(const std::string& bytes);
  void complain(std::string invariant, std::string what);

  static constexpr std::size_t shards = 3;

  process& in_;
  std::string name_;
  surroundings around_;
  stored_data data_;
  dice random_;
  duration clock_skew_;
  replication::gossip core_;
  std::map<membership::node_id, session_id> sessions_; // of the members that are there
  std::map<session_id, std::string> addresses_;        // where those are
  std::set<session_id> under_way_;                     // effects that are not reported yet
  std::size_t joins_under_way_ = 0;                    // of messages and answers
  std::set<session_id> joining_;                       // whose answers are being joined
  std::array<way, shards> to_shards_{};
  std::array<way, shards> from_shards_{};
  way from_membership_{0};
  duration last_activity_{0};
};

} // namespace starling::simulation
