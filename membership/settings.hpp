#pragma once

// The numbers of the protocol, and the formulas that follow from them.
//
// The defaults are those of a local network; docs/membership.md has the reason of each.

#include "membership/member.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace starling::membership {

inline constexpr std::size_t members_max = 4096;

struct settings {
  // -- probes --
  duration probe_interval = std::chrono::seconds{1};             // at full health
  duration probe_timeout_first = std::chrono::milliseconds{400}; // for a peer without samples
  // A shorter one would call helpers for each small pause, and find nothing earlier: a probe fails
  // at the end of its interval.
  duration probe_timeout_min = std::chrono::milliseconds{400};
  duration probe_timeout_max = std::chrono::milliseconds{450};
  std::size_t indirect_probes = 3;
  duration nack_margin = std::chrono::milliseconds{50}; // a nack's way back, at least
  std::size_t max_urgent_probes = 16;                   // beside the one of each interval
  std::size_t max_http_pings = 8;                       // under way at a time
  std::size_t max_relays = 256;                         // probes for others, at a time

  // -- suspicion --
  unsigned suspicion_multiplier = 4;     // alpha: the shortest suspicion, in probe intervals
  unsigned suspicion_max_multiplier = 6; // beta: the longest, in shortest ones
  std::size_t confirmations = 3;         // K: independent accusers until the shortest

  // -- health --
  unsigned health_max = 8;                                   // the worst score
  duration stall_tolerance = std::chrono::milliseconds{250}; // a tick that is later is a stall
  unsigned silent_intervals = 2; // nothing from anybody for so many probe intervals: it is us

  // -- dissemination --
  duration gossip_interval = std::chrono::milliseconds{200};
  std::size_t gossip_fanout = 2; // why not 3: docs/decisions.md, 28
  std::size_t spare_sends = 7;   // beyond ln(n)
  std::size_t packet_bytes = 1232;

  // -- repair --
  duration sync_interval = std::chrono::seconds{30};
  duration dead_probe_interval = std::chrono::seconds{10};
  duration seed_interval = std::chrono::seconds{30};
  duration seed_backoff_min = std::chrono::milliseconds{250};
  duration seed_backoff_max = std::chrono::seconds{15};
  duration alone_after = std::chrono::seconds{3}; // without anybody, if the seeds are tried by then
  duration alone_at_last = std::chrono::seconds{10}; // or are not
  unsigned path_misses = 6; // so many in a row, and what else reaches a member is the only path
  duration path_patience = std::chrono::seconds{10};  // and for so long
  duration notice_interval = std::chrono::seconds{1}; // between two to one who is held dead
  unsigned settled_intervals = 3; // without a change for so many probe intervals a table is settled
  std::size_t max_syncs = 4;      // under way at a time, those with seeds aside

  // -- two of a kind --
  duration contest_wait_min = std::chrono::seconds{1}; // before we contradict who has our address
  duration contest_wait_max = std::chrono::minutes{1};
  duration clock_tolerance = std::chrono::hours{24}; // generations this far ahead are refused

  // -- leaving --
  duration leave_timeout = std::chrono::seconds{3};
  duration leave_interval = std::chrono::milliseconds{200}; // between two farewells
  std::size_t leave_members = 8;                            // who are to acknowledge them

  // -- bounds --
  std::size_t max_members = 256; // alive or suspect, this one included
  duration dead_retention = std::chrono::hours{24};
  std::size_t max_dead = 4096;
  duration forgotten_retention = std::chrono::hours{24 * 7};
  std::size_t max_forgotten = 65'536;

  // What a test may switch off to see one mechanism alone.
  struct {
    bool confirmers = true;         // chosen members confirm a suspicion at once
    bool pings_over_http = true;    // where UDP does not get through
    bool digests = true;            // tables that differ are exchanged
    bool headers_prove_life = true; // any packet refutes what is said of its sender
  } with;
};

/// Why some settings cannot work; nothing if they can. A nack must be able to arrive in time.
std::optional<std::string> complaint_about(const settings& s);

/// How long a suspicion lasts in a group of `members` with `accusers` distinct accusers
/// (Lifeguard, section IV-B).
duration suspicion_timeout(const settings& s, std::size_t members, std::size_t accusers);

/// How many accusers make a suspicion shortest: at most one fewer than the others who could.
std::size_t confirmations_wanted(const settings& s, std::size_t members);

/// How often each member passes an update on: ceil(ln n) and a few more, so that fewer than one in
/// 1,000 is missed at 10 percent loss.
std::size_t sends_of_an_update(const settings& s, std::size_t members);

/// How often a full table is exchanged; grows with the group, so that the load of a node does not.
duration sync_period(const settings& s, std::size_t members);

} // namespace starling::membership
