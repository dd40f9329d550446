#pragma once

// What a node does about other live members that claim its own UDP address.
//
// Only one process listens at an address, so one of the two records is out of date. Which one,
// depends on who wrote its profile later:
//
//  - A member whose profile is older lived here before this node. It is declared dead, once. If it
//    says after that that it lives, it insists: then probes have to find out whose address it is.
//  - A member whose profile is newer is the rival. As long as there is a rival, its process answers
//    the pings that are for this node, so this node is accused again after each refutation. So it
//    refutes ever more slowly.
//
// All times are those of the caller.

#include "membership/member.hpp"

#include <cstdint>
#include <optional>

namespace starling::membership {

class address_contest {
public:
  struct timing {
    duration wait_min{0}; // before the second refutation
    duration wait_max{0}; // before any
  };

  explicit address_contest(const timing& t) : timing_(t) {}

  /// What a claim is.
  enum class claim : std::uint8_t {
    of_predecessor, // it lived here before, and is to be declared dead
    insisted,       // it lived here before, was declared dead for that, and lives
    of_rival,       // it came after this node, and did not claim the address last
    repeated,       // it is the rival already
  };

  /// `who` is live and says that its address is the one of this node.
  claim claimed(const node_id& who, bool is_older, duration now);

  /// `who` is gone, or lives at another address.
  void withdrawn(const node_id& who, duration now);

  /// This node lives at another address.
  void moved(duration now);

  /// Who claimed the address last; nothing if there is no rival and that is longer ago than what is
  /// remembered.
  std::optional<node_id> last_claimant(duration now) const;

  /// How long a claim is remembered.
  duration memory() const { return 3 * timing_.wait_max; }

  /// This node is accused at `accused`. Says whether it may refute now; if not, the accusation is
  /// kept until `due`.
  bool may_refute(const incarnation& accused, duration now);

  /// The accusation that may be refuted by now, if one was kept.
  std::optional<incarnation> due(duration now);

  /// When `due` has something.
  std::optional<duration> next_due() const;

private:
  void end(duration now);

  timing timing_;
  std::optional<node_id> rival_;
  std::optional<node_id> evicted_; // the last predecessor
  std::optional<node_id> last_claimant_;
  duration last_claim_{0};
  duration not_before_{0}; // the next refutation
  duration wait_{0};       // between the last refutation and the next
  std::optional<incarnation> kept_;
};

} // namespace starling::membership
