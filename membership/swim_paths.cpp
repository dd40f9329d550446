// What gets through to a member, and what does not.
//
// Datagrams and connections take the same way, but not through every firewall. A member that only
// one of them reaches is alive, and an operator should know why it is slow to be heard.

#include "membership/swim.hpp"

namespace starling::membership {

/// The member answered a datagram of ours by a datagram, so both ways are open.
void swim::heard_directly(const node_id& id) {
  const auto found = live_contacts_.find(id);
  if (found == live_contacts_.end())
    return;
  note_reached(id);
  auto& c = found->second;
  c.direct_misses = 0;
  if (c.udp_blocked) {
    c.udp_blocked = false;
    emit(event_kind::udp_open, table_.find(id)->record);
  }
  if (!c.tcp_blocked && c.call_misses >= 2 && now_ - c.called_in_vain >= settings_.path_patience) {
    c.tcp_blocked = true;
    emit(event_kind::tcp_blocked, table_.find(id)->record);
  }
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
  if (found->second.udp_blocked || found->second.direct_misses < settings_.path_misses)
    return;
  found->second.udp_blocked = true;
  emit(event_kind::udp_blocked, table_.find(id)->record);
}

/// A member says whether its calls get through to us, in those packets that are for us alone:
/// nobody else could tell a node behind a firewall why it gets no values.
void swim::note_calls_of(const packet_header& h) {
  const auto found = live_contacts_.find(h.from);
  if (found == live_contacts_.end() ||
      (h.kind != packet_kind::ping && h.kind != packet_kind::gossip) ||
      h.calls_fail == found->second.tcp_in_blocked)
    return;
  found->second.tcp_in_blocked = h.calls_fail;
  emit(h.calls_fail ? event_kind::tcp_in_blocked : event_kind::tcp_in_open,
       table_.find(h.from)->record);
}

void swim::called(const std::string& address, bool was_reached) {
  for (const auto& id : live_) {
    const auto& record = table_.find(id)->record;
    if (record.profile->address != address)
      continue;
    auto& c = live_contacts_.find(id)->second;
    if (!was_reached) {
      if (c.call_misses++ == 0)
        c.called_in_vain = now_;
      continue;
    }
    c.call_misses = 0;
    if (c.tcp_blocked) {
      c.tcp_blocked = false;
      emit(event_kind::tcp_open, record);
    }
  }
}

} // namespace starling::membership
