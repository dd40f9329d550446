#include "membership/outputs.hpp"

namespace starling::membership {

std::string_view to_string(call_kind k) {
  switch (k) {
  case call_kind::sync:
    return "sync";
  case call_kind::ping:
    return "ping";
  }
  return "unknown";
}

std::string_view to_string(event_kind k) {
  switch (k) {
  case event_kind::joined:
    return "joined";
  case event_kind::updated:
    return "updated";
  case event_kind::suspected:
    return "suspected";
  case event_kind::recovered:
    return "recovered";
  case event_kind::failed:
    return "failed";
  case event_kind::left:
    return "left";
  case event_kind::refuted:
    return "refuted";
  case event_kind::health_changed:
    return "health changed";
  case event_kind::isolated:
    return "isolated";
  case event_kind::connected:
    return "connected";
  case event_kind::alone:
    return "alone";
  case event_kind::accompanied:
    return "accompanied";
  case event_kind::life_forgotten:
    return "life forgotten";
  case event_kind::stalled:
    return "stalled";
  case event_kind::id_conflict:
    return "id conflict";
  case event_kind::address_conflict:
    return "address conflict";
  case event_kind::refusing:
    return "refusing";
  case event_kind::refused:
    return "refused";
  case event_kind::clock_was_ahead:
    return "clock was ahead";
  case event_kind::udp_blocked:
    return "udp blocked";
  case event_kind::udp_open:
    return "udp open";
  case event_kind::tcp_blocked:
    return "tcp blocked";
  case event_kind::tcp_open:
    return "tcp open";
  case event_kind::tcp_in_blocked:
    return "tcp in blocked";
  case event_kind::tcp_in_open:
    return "tcp in open";
  case event_kind::unreached:
    return "unreached";
  case event_kind::reached:
    return "reached";
  case event_kind::member_unreached:
    return "member unreached";
  case event_kind::member_reached:
    return "member reached";
  case event_kind::left_cluster:
    return "left cluster";
  }
  return "unknown";
}

void outputs::clear() {
  buffer_.truncate(0);
  packets_.clear();
  lookups.clear();
  calls.clear();
  events.clear();
}

packet outputs::packet_at(std::size_t i) const {
  const auto& where = packets_[i];
  return {where.to, buffer_.view().substr(where.begin, where.end - where.begin)};
}

void outputs::close_packet(const udp_address& to) {
  const auto begin = packets_.empty() ? 0 : packets_.back().end;
  packets_.push_back({to, begin, buffer_.size()});
}

} // namespace starling::membership
