#pragma once

// How a node joins a cluster and keeps its roster: push/pull with seeds and members, as a value.
//
// Inputs are what happened and when; each returns what to do now. Time is measured from any start,
// randomness comes from the seed given at construction, so equal inputs have equal effects. A
// `push_pull` asks the driver to send `announce()` to an address and to report the answer with
// `synced` or its absence with `sync_failed`, exactly once; at most one is under way per address
// and `in_flight_max` in all.
//
//  - A seed is tried at once, then again after a random time between `backoff_min` and a ceiling
//    that doubles up to `backoff_max`, for ever, until it answers under whatever address.
//  - A member learned from others gets one push/pull, so that it learns us.
//  - After each news, a few rounds follow quickly (one to two `backoff_min` apart), each with one
//    random member or seed, so that it spreads like a rumour; without news such a round comes every
//    `sync_interval` (half to one and a half of it) and equalizes what all this missed.
//  - A rival record for our own address that is not below ours (our former life with a clock set
//    back, or a configuration mistake) makes us raise our generation above it and announce
//    ourselves again, ever more slowly while the rival does the same.
//
// It tells nothing about failures: a peer out of reach stays a member.

#include "membership/roster.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace starling::membership {

struct join_options {
  std::vector<std::string> seeds; // addresses, in any spelling
  std::chrono::milliseconds backoff_min{250};
  std::chrono::milliseconds backoff_max{15'000};
  std::chrono::milliseconds sync_interval{30'000};
  std::size_t max_members = 256; // ourselves included; records of further addresses are ignored
};

/// Send `announce()` to this address and report the answer.
struct push_pull {
  std::string address;
  friend bool operator==(const push_pull&, const push_pull&) = default;
};

/// A new peer, or a new session at its address.
struct peer_changed {
  member peer;
  friend bool operator==(const peer_changed&, const peer_changed&) = default;
};

/// Another process claims our address; `self` is our record now.
struct address_conflict {
  member rival;
  member self;
  friend bool operator==(const address_conflict&, const address_conflict&) = default;
};

using join_effect = std::variant<push_pull, peer_changed, address_conflict>;
using join_effects = std::vector<join_effect>;

/// What we know first-hand of a peer's session.
enum class reachability : std::uint8_t {
  joining,     // we know its record; no message has passed yet
  alive,       // the last attempt to talk succeeded
  unreachable, // the last attempt to talk failed
};

/// "joining", "alive" or "unreachable".
std::string_view to_string(reachability r);

struct peer_status {
  member record;
  reachability state = reachability::joining;
};

class joiner {
public:
  using duration = std::chrono::milliseconds;

  static constexpr std::size_t in_flight_max = 8;

  /// Requires: `self` is valid; 0 < backoff_min <= backoff_max; 0 < sync_interval;
  /// 1 <= max_members <= members_max. Nothing happens before the first `tick`.
  joiner(const member& self, join_options options, std::uint64_t random_seed, duration now);

  /// Starts what is due. Call it first at once, then at `next_tick()`; early and late calls are
  /// harmless.
  join_effects tick(duration now);

  /// When `tick` has something to do next. Every input may change it.
  duration next_tick() const;

  /// A peer sent its announcement to us; answer with `announce()` as it is afterwards.
  join_effects received(const announcement& said, duration now);

  /// The answer to a `push_pull`.
  join_effects synced(std::string_view address, const announcement& said, duration now);

  /// There was none.
  join_effects sync_failed(std::string_view address, duration now);

  /// Somebody at this address should be pushed to soon, for instance because a message showed a
  /// session that we do not know. At most one per `backoff_min` goes to an address.
  join_effects call_on(std::string_view address, duration now);

  /// Others report whether they could talk to the peer's session just now; for `peers()` only.
  void contacted(std::string_view address, const session_id& session);
  void unreachable(std::string_view address);

  /// Our record and all others.
  announcement announce() const;

  const member& self() const { return *table_.find(address_); }
  const roster& members() const { return table_; }

  /// Everyone but ourselves, by address.
  std::vector<peer_status> peers() const;

  /// The record of a peer; null when there is none.
  const member* find_peer(std::string_view address) const;

  /// Seeds that never answered and are not ourselves.
  std::vector<std::string> unreached_seeds() const;

  /// Whether some seed was reached, or there is none but ourselves.
  bool has_joined() const;

  /// How many records the bound `max_members` turned away.
  std::uint64_t ignored_records() const { return ignored_records_; }

private:
  /// What we want from an address: a seed's, in its own spelling, or a member's.
  struct contact {
    std::optional<duration> due; // when to push/pull next
    std::optional<duration> last_start;
    std::uint32_t failures = 0;
    bool in_flight = false;
    reachability state = reachability::joining;
  };

  join_effects join_all(const announcement& said, duration now);
  void join_one(const member& record, bool first_hand, duration now, join_effects& out);
  void defend_address(const member& rival, duration now, join_effects& out);
  join_effects start_due(duration now, join_effects out);
  contact& landed(std::string_view address);
  void spread_news(duration now);
  void start_round(duration now);
  void forget_stray(std::string_view address);
  std::uint64_t random();
  duration random_between(duration low, duration high);
  void plan_round(duration now);
  duration backoff(std::uint32_t failures);

  join_options options_;
  std::string address_;
  roster table_;
  std::map<std::string, contact, std::less<>> contacts_;
  std::set<std::string, std::less<>> unreached_seeds_;
  std::set<std::string, std::less<>> own_spellings_; // addresses that turned out to be ourselves
  std::size_t in_flight_ = 0;
  std::uint32_t raises_ = 0;
  std::uint64_t ignored_records_ = 0;
  std::uint64_t random_state_;
  unsigned rumour_rounds_ = 0; // quick rounds still to come
  duration next_round_;
};

} // namespace starling::membership
