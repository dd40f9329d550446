// The part of the gossip core that hands on what is new without waiting for its turn.
//
// A peer that is behind, or that is just sent something long, gets what is recorded meanwhile all
// the same, by turns with the rest. An entry of the log is a delta, and a delta claims no event
// that it does not carry: joined before what came earlier it takes nothing away for good, and a
// value holds the gap open until the rest comes. So nothing follows from it for the cursor. Once
// acknowledged, what went early is known to be there and is not sent again.

#include "replication/gossip.hpp"

#include <algorithm>
#include <utility>

namespace starling::replication {

/// Whether the end of the log does not come next.
bool gossip::is_held_up(const gossip_peer& p) {
  return p.behind || p.repair.walking || p.cut || p.repair.has_findings();
}

/// After which entry a peer may be told early.
std::uint64_t gossip::told_to(const gossip_peer& p) const {
  const auto* in_pieces = p.cut ? std::get_if<from_log>(&p.cut->about) : nullptr;
  return std::max({p.early.to, p.cursor, log_.first() - 1, in_pieces ? in_pieces->to : 0});
}

bool gossip::may_tell_early(const gossip_peer& p) const {
  return !p.early.takes_nothing && is_held_up(p) && told_to(p) < log_.last();
}

std::optional<effect> gossip::tell_early(session_id id, gossip_peer& p) {
  while (may_tell_early(p)) {
    auto next = lacking(id, p, told_to(p), log_.last());
    const bool is_too_large = next.bytes > p.room; // it waits for its turn
    if (next.items.empty() || is_too_large) {
      p.early.to = next.end;
      continue;
    }
    auto m = head_of(id, p);
    m.is_early = true;
    p.early.is_next = false;
    p.early.to = told_to(p);
    return send(id, p, told_early{next.end}, std::move(m),
                next.items); // it is no larger than a message
  }
  return std::nullopt;
}

} // namespace starling::replication
