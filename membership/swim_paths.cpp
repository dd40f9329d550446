// What gets through to a member, and what does not: see paths.hpp.

#include "membership/swim.hpp"

namespace starling::membership {

/// The member answered a datagram of ours by a datagram, so both ways are open.
void swim::heard_directly(const node_id& id) {
  const auto found = live_contacts_.find(id);
  if (found == live_contacts_.end())
    return;
  note_reached(id);
  auto& ways = found->second.paths;
  if (ways.datagram_answered())
    emit(event_kind::udp_open, table_.find(id)->record);
  if (ways.calls_fail(paths_timing(), now_))
    emit(event_kind::tcp_blocked, table_.find(id)->record);
}

/// The member lives, as a call or a helper found.
void swim::heard_otherwise(const node_id& id) {
  const auto found = live_contacts_.find(id);
  if (found == live_contacts_.end())
    return;
  note_reached(id);
  // A suspect that no datagram reaches hears of the accusation by a call only.
  if (found->second.is_suspected)
    sync_with(table_.find(id)->record.profile->address, std::nullopt, id, 0);
  if (found->second.paths.lives_otherwise(paths_timing()))
    emit(event_kind::udp_blocked, table_.find(id)->record);
}

/// A member says whether its calls get through to us, in those packets that are for us alone:
/// nobody else could tell a node behind a firewall why it gets no values.
void swim::note_calls_of(const packet_header& h) {
  const auto found = live_contacts_.find(h.from);
  if (found == live_contacts_.end() ||
      (h.kind != packet_kind::ping && h.kind != packet_kind::gossip) ||
      !found->second.paths.own_calls_fail(h.calls_fail))
    return;
  emit(h.calls_fail ? event_kind::tcp_in_blocked : event_kind::tcp_in_open,
       table_.find(h.from)->record);
}

void swim::called(const std::string& address, bool was_reached) {
  for (const auto& id : live_) {
    const auto& record = table_.find(id)->record;
    if (record.profile->address != address)
      continue;
    auto& ways = live_contacts_.find(id)->second.paths;
    if (!was_reached)
      ways.call_missed(now_);
    else if (ways.call_answered())
      emit(event_kind::tcp_open, record);
  }
}

} // namespace starling::membership
