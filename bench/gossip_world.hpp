#pragma once

// Nodes that write and gossip, in virtual time: values, gossip cores and messages, on links of a
// given topology. What they send is counted as the paper counts it (Enes, Almeida, Baquero, Leitao,
// Efficient Synchronization of State-based CRDTs, ICDE 2019): in elements of payload.

#include "replication/gossip.hpp"
#include "sim/timeline.hpp"
#include "storage/held_value.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace starling::bench {

using simulation::duration;

/// What a node keeps for others and holds back from them.
enum class algorithm : std::uint8_t {
  classic, // all that is received is passed on to everybody
  bp,      // but not back to whom it came from
  rr,      // only what is new is passed on
  bp_rr,   // both
  ours,    // only what is new, only what the receiver is not known to have, and answers offer, too
};

using links = std::vector<std::vector<std::size_t>>; // the neighbours of each node

/// Node i is linked to i +- 1 and i +- 4 (modulo n).
links mesh(std::size_t n);

/// The paper's tree of 15 nodes.
links tree();

links everybody(std::size_t n);

class gossip_world {
public:
  struct options {
    links topology;
    algorithm with = algorithm::ours;
    std::uint64_t seed = 1;
    duration interval = std::chrono::seconds{1}; // between rounds with all neighbours
    double loss = 0;                             // of messages and of answers
    std::size_t message_bytes = 256 * 1024;
    std::size_t fanout = 1;
  };

  /// All nodes know each other's states, which are empty.
  explicit gossip_world(const options& o);

  gossip_world(const gossip_world&) = delete;
  gossip_world& operator=(const gossip_world&) = delete;

  struct node {
    std::map<crdt::key, storage::held_value> values;
    replication::gossip core;
    crdt::replica_id replica;
  };

  /// Changes a value of a node and logs the delta.
  void write(std::size_t at, const crdt::key& key,
             const std::function<std::optional<crdt::value>(crdt::value&)>& change);

  /// From now on, each node starts a round with each neighbour once an interval, at its own phase.
  void start();

  /// Each node starts a round with one random neighbour, now.
  void start_rounds();

  void run(duration how_long);

  /// Whether nothing is lacking anywhere.
  bool is_quiet() const;
  bool are_equal() const;

  std::vector<node> nodes;
  simulation::timeline time;

  /// A link is cut while this says so.
  std::function<bool(std::size_t, std::size_t)> cut = [](auto, auto) { return false; };

  /// Something was new at a node.
  std::function<void(std::size_t, const crdt::key&, const crdt::value&)> news =
      [](auto, const auto&, const auto&) {};

  // Sent by all nodes so far.
  std::uint64_t elements = 0;
  std::uint64_t metadata = 0; // one for each message and each answer
  std::uint64_t bytes = 0;

private:
  void tick(std::size_t at);
  void perform(std::size_t at, const std::vector<replication::effect>& effects);
  void arrive(std::size_t from, std::size_t to, const std::string& bytes);
  void answer(std::size_t from, std::size_t to, const std::string& bytes);
  void join(std::size_t at, replication::session_id from,
            const std::vector<replication::item>& items);
  bool is_lost(std::size_t from, std::size_t to);

  options options_;
  simulation::dice random_;
};

/// Of what a node keeps for its peers: each entry and its elements.
std::size_t elements_of(const replication::delta_log& log);

} // namespace starling::bench
