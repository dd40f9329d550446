#pragma once

// What must hold after every input of every node, S2 to S11 (S1, that the join is a semilattice, is
// a property of `membership::join` and tested there).
//
// The checks look at each core from outside, before and after an input, and remember what cores
// forget: each incarnation that was minted, who accused whom, what each node once held of each
// other, which probe was answered.

#include "sim/chronicle.hpp"
#include "sim/membership/process.hpp"

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <unordered_set>
#include <vector>

namespace starling::simulation {

/// What is known of a datagram, and its receiver does not see.
struct origin {
  enum class kind : std::uint8_t {
    honest,
    worthless, // forged, spoiled or reflected: must change nothing, wherever it arrives
    replayed,  // an honest one once more: must change nothing where it was taken in before
  };

  kind is = kind::honest;
  std::size_t sender = 0; // a process
  std::size_t cluster = 0;
  duration sent{0};
  membership::node_id id; // of the sender
  std::uint64_t left = 0; // the generation in which the sender has left, if it has
};

class safety {
public:
  safety(chronicle& log, const membership::settings& s) : log_(log), settings_(s) {}

  void is_born(const process& p);
  void before(const process& p, const input& what);
  void after(const process& p, const input& what);

  /// A process sent this.
  void sends(const process& p, const membership::packet& sent, duration now);

  std::string name(const process& p) const;

private:
  struct held {
    membership::status status;
    membership::incarnation written; // of the profile, while the record is there
  };

  struct ping {
    membership::node_id target;
    duration sent{0};
    std::vector<address> helpers;
    bool answered = false;
  };

  /// What we remember of a process.
  struct memory {
    std::map<membership::node_id, held> past;
    std::map<membership::node_id, membership::incarnation> gone; // reported failed or left
    std::set<membership::node_id> present;                       // reported joined since
    std::set<std::pair<membership::node_id, std::uint64_t>> heard_after_leave;
    std::unordered_set<std::uint64_t> taken_in;
    std::map<std::uint64_t, ping> pings;

    membership::member own; // its latest record

    // before the input
    std::uint64_t digest = 0;
    std::size_t records = 0;
    std::uint64_t refused = 0; // packets and records, for clocks
    bool had_it = false;
    unsigned idle_ticks = 0; // in a row that are to be followed by another at once
  };

  void check_order(const process& p, memory& m);
  void check_news(const process& p, const membership::member& record, const held* before);
  void check_self(const process& p, memory& m);
  void check_events(const process& p, memory& m);
  void check_worthless(const process& p, const memory& m, const datagram& d);
  void check_strangers(const process& p, const datagram& d);
  void check_bounds(const process& p, memory& m, bool is_tick);
  void check_accusation(const process& p, const membership::member& accused);
  void breach(std::string_view invariant, const process& p, const std::string& what) const;

  chronicle& log_;
  const membership::settings& settings_;
  std::vector<memory> memories_;
  std::map<membership::node_id, std::size_t> clusters_; // of ids
  std::map<membership::node_id, std::set<membership::incarnation>> minted_;
  std::map<membership::node_id, std::vector<membership::profile>> written_;
  std::set<std::tuple<membership::node_id, membership::incarnation, membership::node_id>> accused_;
};

/// Where the simulator puts an address of its network.
membership::udp_address udp_of(address a);
address address_of(const membership::udp_address& a);

/// "1234abcd": enough of an id for people.
std::string short_text(const membership::node_id& id);

/// The kind of a packet, its number, its target and the members it tells of, whether or not it is
/// authentic.
struct packet_sketch {
  membership::packet_kind kind = membership::packet_kind::gossip;
  std::uint64_t number = 0;
  membership::node_id target;
  std::string_view parts;
};
packet_sketch sketch(std::string_view bytes);

} // namespace starling::simulation
