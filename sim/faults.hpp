#pragma once

// What goes wrong in a run, and when: a schedule drawn from a seed.
//
// Each kind of fault is drawn from a source of its own and whether or not it is wanted, so a run
// without a kind has all other faults at the same times: that is what a failing seed is shrunk by.
// Faults of the network become disturbances of its links; what the others do to a node is up to the
// simulator.

#include "sim/network.hpp"

#include <bitset>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::simulation {

enum class fault_kind : std::uint8_t {
  // of the network
  loss,              // symmetric
  one_way_loss,      // from some hosts to others
  burst,             // moments in which nothing passes
  repeat,            // datagrams arrive twice
  reorder,           // datagrams arrive late
  heavy_tail,        // and some very late
  corruption,        // flipped bits, missing ends
  partition,         // two groups, or one host alone
  three_way,         // three groups
  bridge,            // two groups, and one host that both reach
  one_way_partition, // what one group says does not reach the other
  tangle,            // each direction of each link for itself
  no_datagrams,      // connections pass, datagrams do not
  // of a process
  pause_io,      // it neither sends nor receives, but its timers run
  pause_process, // nothing happens in it, then everything at once
  slow_cpu,      // each input takes its time
  drift,         // its clock is too fast or too slow
  suspend,       // it sleeps, its clock stands still, what arrives is lost
  // of nodes
  crash,           // and restart, with what was stored
  crash_lost,      // and restart, as somebody new
  crash_for_good,  // and no restart
  move,            // to another address, while it runs
  move_restart,    // crash, and restart at another address
  clone,           // a second process starts with the same identity
  leave,           // for good
  rejoin,          // leaves, and joins again in the same process
  mass_restart,    // all at once
  rolling_restart, // one after the other
  rolling_rejoin,  // one after the other leaves and rejoins
  seeds_out,       // their names do not resolve
  seeds_gone,      // for good: all they are good for is to join
  swap_clusters,   // another cluster gets our addresses, and we its
  attacker,        // replays, forges, reflects and spoils, without the key
  short_memory,    // the dead are soon forgotten
  // of nodes that have data, in simulations of such only
  disk_full,   // and restart, once there is room again
  disk_damage, // crash, and restart with some of what was stored
  // of nodes without data, again
  clock_ahead, // restart while its clock is days ahead, which is then set right
  // of nodes that have data, again
  set_back, // crash, and restart with an older copy of what was stored; others may lose theirs
};

inline constexpr std::size_t fault_kinds = static_cast<std::size_t>(fault_kind::set_back) + 1;
using fault_mask = std::bitset<fault_kinds>;

/// "loss", "one-way-loss" and so on.
std::string_view to_string(fault_kind k);
std::optional<fault_kind> fault_kind_named(std::string_view name);

struct fault {
  fault_kind kind = fault_kind::loss;
  duration at{0};
  duration lasts{0};
  std::size_t who = 0;    // a host below `hosts`
  double degree = 0;      // from 0 to 1: how bad
  std::uint64_t salt = 0; // for what else is to be drawn

  duration end() const { return at + lasts; }
};

/// Whether the kind concerns the network alone.
bool is_of_network(fault_kind k);

struct fault_plan {
  std::size_t hosts = 3;
  duration begin{0};
  duration end{0}; // all faults are over
  fault_mask without;
};

/// The faults of a seed, in the order of their times. Some seeds have one kind or none, most have
/// several.
std::vector<fault> draw_faults(std::uint64_t seed, const fault_plan& plan);

/// What a fault of the network does among so many hosts. Nothing but for that kind, at most several
/// of which each lasts for a part of the time.
struct timed_disturbance {
  duration at{0};
  duration lasts{0};
  disturbance what;
};
std::vector<timed_disturbance> disturbances_of(const fault& f, std::size_t hosts);

/// Whether a cluster should not notice it: what is lost is little, what is late is hardly so.
bool is_slight(const fault& f);

} // namespace starling::simulation
