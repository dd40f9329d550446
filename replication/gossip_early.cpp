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
bool gossip::is_held_up(const peer_state& p) {
  return p.behind || p.walking || p.cut || p.comparing || !p.to_compare.empty() ||
         !p.ready.empty() || !p.lacking.empty();
}

/// After which entry a peer may be told early.
std::uint64_t gossip::told_to(const peer_state& p) const {
  const bool is_in_pieces = p.cut && p.cut->what == topic::log;
  return std::max(
      {p.early_to, p.cursor, log_.first() - 1, is_in_pieces ? p.in_flight_to : std::uint64_t{0}});
}

bool gossip::may_tell_early(const peer_state& p) const {
  return !p.takes_nothing_early && is_held_up(p) && told_to(p) < log_.last();
}

std::optional<effect> gossip::tell_early(session_id id, peer_state& p) {
  while (may_tell_early(p)) {
    auto next = lacking(id, p, told_to(p), log_.last());
    const bool is_too_large = next.bytes > p.room; // it waits for its turn
    if (next.items.empty() || is_too_large) {
      p.early_to = next.end;
      continue;
    }
    auto m = head_of(id, p);
    m.is_early = true;
    p.may_tell = false;
    p.early_to = told_to(p);
    p.early_end = next.end;
    return send(id, p, topic::early, std::move(m), next.items); // it is no larger than a message
  }
  return std::nullopt;
}

} // namespace starling::replication
