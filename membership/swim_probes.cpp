// Pings, helpers and acks.

#include "membership/swim.hpp"

#include <algorithm>
#include <cassert>

namespace starling::membership {

namespace {

/// How long a probe lasts that only a call may answer.
constexpr int intervals_of_a_call = 3;

} // namespace

duration swim::scaled_interval() const {
  return settings_.probe_interval * (static_cast<int>(health_) + 1);
}

duration swim::probe_timeout(const node_id& peer) const {
  std::optional<duration> known;
  if (const auto c = live_contacts_.find(peer); c != live_contacts_.end())
    known = c->second.round_trip.timeout(settings_.probe_timeout_min, settings_.probe_timeout_max);
  return known.value_or(settings_.probe_timeout_first) * (static_cast<int>(health_) + 1);
}

// -- as the one who probes --

void swim::probe_due() {
  // By index: a probe that fails may start other probes.
  for (std::size_t i = 0; i < probes_.size();) {
    if (now_ >= probes_[i].end) {
      const auto failed = probes_[i];
      probes_.erase(probes_.begin() + static_cast<std::ptrdiff_t>(i));
      probe_failed(failed);
      continue;
    }
    if (!probes_[i].indirect && now_ >= probes_[i].direct_end)
      go_indirect(probes_[i]);
    ++i;
  }
  if (is_leaving() || live_.empty() || now_ < next_probe_)
    return;
  next_probe_ = now_ + scaled_interval();
  if (round_.empty()) {
    round_ = live_;
    random_.shuffle(round_);
  }
  const auto target = round_.back();
  round_.pop_back();
  start_probe(target, false);
}

void swim::start_probe(const node_id& target, bool urgent) {
  if (is_leaving())
    return;
  if (urgent) {
    const auto same = [&](const probe& p) { return p.target == target; };
    if (probes_.size() > settings_.max_urgent_probes || std::ranges::any_of(probes_, same))
      return;
  }
  ++totals_.probes;
  const auto& to = table_.find(target)->record.profile->udp;
  probe p;
  p.number = next_number_++;
  p.target = target;
  p.address = to;
  p.started = now_;
  // If datagrams do not get through to the target, the helpers and the call are tried at once. The
  // probe lasts longer then, for a call takes longer than a datagram.
  const auto c = live_contacts_.find(target);
  const bool is_blocked = c != live_contacts_.end() && c->second.paths.are_datagrams_blocked();
  p.direct_end = is_blocked ? now_ : now_ + probe_timeout(target);
  p.end = now_ + (is_blocked ? intervals_of_a_call : 1) * scaled_interval();
  probes_.push_back(p);
  const bool is_there = table_.find(target)->record.status.is == member_state::alive;
  send(to, packet_kind::ping, {.number = p.number, .target = target}, &target, is_there);
}

void swim::go_indirect(probe& p) {
  p.indirect = true;
  if (!is_live(p.target))
    return;
  live_contacts_.find(p.target)->second.paths.ping_missed();
  note_miss(p.target);
  ++totals_.probes_indirect;
  const auto most = std::min(
      {settings_.indirect_probes, probe::helpers_max, live_.size() > 0 ? live_.size() - 1 : 0});
  while (p.helpers < most) {
    const auto& helper = live_[random_.below(live_.size())];
    if (helper == p.target || p.asked_for_help(helper))
      continue;
    p.asked[p.helpers++] = helper;
    send(table_.find(helper)->record.profile->udp, packet_kind::ping_req,
         {.number = p.number,
          .target = p.target,
          .target_address = p.address,
          .budget = p.end - now_},
         &helper, false);
  }
  if (!settings_.with.pings_over_http || calls_.is_pinged(p.target) ||
      calls_.pings() >= settings_.max_http_pings)
    return;
  make_call({.kind = call_kind::ping,
             .address = table_.find(p.target)->record.profile->address,
             .seed = std::nullopt,
             .peer = p.target},
            last_known(p.target));
}

void swim::probe_failed(const probe& p) {
  if (!is_live(p.target))
    return;
  ++totals_.probes_failed;
  silence_.probe_failed();
  // Helpers that say nothing at all are a sign that we are the one who is cut off or slow
  // (Lifeguard, section IV-A).
  change_health(static_cast<int>(p.helpers == 0 ? 1 : p.helpers - p.nacks));
  suspect_member(p.target);
  // A member that no datagram reaches hears of the accusation by a call only.
  if (const auto c = live_contacts_.find(p.target);
      c != live_contacts_.end() && c->second.paths.ping_misses() >= 2)
    sync_with(table_.find(p.target)->record.profile->address, std::nullopt, p.target, 0);
}

void swim::probe_answered(std::size_t index, const packet_header* direct) {
  const auto p = probes_[index];
  probes_.erase(probes_.begin() + static_cast<std::ptrdiff_t>(index));
  if (direct == nullptr)
    heard_otherwise(p.target);
  else if (const auto c = live_contacts_.find(p.target); c != live_contacts_.end())
    c->second.round_trip.sample(now_ - p.started);
  if (is_live(p.target)) {
    change_health(-1);
    return;
  }
  // We held the target dead. Its table and ours may differ in more than that.
  if (const auto* e = table_.find(p.target); e != nullptr)
    sync_with(e->record.profile->address, std::nullopt, p.target, 0);
}

void swim::on_ack(const opened_packet& p) {
  heard_directly(p.header.from);
  if (const auto asked = relays_.acknowledged(p.body.number, p.header.from, now_))
    return send_bare(asked->to, asked->version, packet_kind::ack, {.number = asked->number});
  for (std::size_t i = 0; i < probes_.size(); ++i) {
    const auto& mine = probes_[i];
    if (mine.number != p.body.number)
      continue;
    if (mine.target == p.header.from)
      probe_answered(i, &p.header);
    else if (mine.asked_for_help(p.header.from))
      probe_answered(i, nullptr);
    return;
  }
}

void swim::on_nack(const opened_packet& p) {
  heard_directly(p.header.from);
  const auto mine = std::ranges::find(probes_, p.body.number, &probe::number);
  if (mine == probes_.end() || !mine->asked_for_help(p.header.from))
    return;
  ++totals_.nacks_received;
  mine->note_nack(p.header.from);
}

void swim::on_gone(const opened_packet& p, const udp_address& from) {
  const auto mine = std::ranges::find(probes_, p.body.number, &probe::number);
  if (mine == probes_.end() || mine->address != from || p.header.from == mine->target)
    return;
  const auto target = mine->target;
  note_miss(target);
  const auto* e = table_.find(target);
  const auto* other = table_.find(p.header.from);
  const bool is_home =
      is_live(p.header.from) && other->record.profile && other->record.profile->udp == from;
  if (!is_home) {
    // Perhaps another process is at that address now. It has to say itself that it lives there.
    if (e != nullptr && e->record.profile)
      sync_with(e->record.profile->address, std::nullopt, target, 0);
    return;
  }
  probes_.erase(mine);
  if (e != nullptr && e->record.profile && e->record.profile->udp == from)
    declare_dead(target);
}

// -- as the one who is probed, or helps --

void swim::on_ping(const opened_packet& p, const udp_address& from) {
  const packet_body body{.number = p.body.number};
  const auto kind = p.body.target == id_ ? packet_kind::ack : packet_kind::gone;
  const auto* e = table_.find(p.header.from);
  const bool is_stranger = e == nullptr || !e->record.profile || e->record.profile->udp != from;
  // The address of a stranger may be forged, so the answer has no more bytes than the ping.
  if (is_stranger)
    send_bare(from, p.header.version, kind, body);
  else
    send(from, kind, body, &p.header.from, e->record.status.is == member_state::alive,
         p.header.version);
}

void swim::on_ping_req(const opened_packet& p, const udp_address& from) {
  const auto* e = table_.find(p.header.from);
  const bool is_stranger = e == nullptr || !e->record.profile || e->record.profile->udp != from;
  if (is_stranger || relays_.is_full() || p.body.target == id_)
    return;
  auto to = p.body.target_address;
  if (const auto* target = table_.find(p.body.target); target != nullptr && target->record.profile)
    to = target->record.profile->udp;
  if (to.port == 0)
    return;
  const auto c = live_contacts_.find(p.header.from);
  const auto round_trip = c == live_contacts_.end()
                              ? duration{0}
                              : c->second.round_trip.average().value_or(duration{0});
  // No node with our settings waits for longer. So nobody can hold a relay of ours for longer.
  const auto budget = std::min(p.body.budget, settings_.probe_interval *
                                                  (static_cast<int>(settings_.health_max) + 1));
  const auto margin = std::min(std::max(2 * round_trip, settings_.nack_margin), budget / 2);
  const auto number = next_number_++;
  relays_.begin({.number = number,
                 .target = p.body.target,
                 .asker = from,
                 .asked_number = p.body.number,
                 .budget = budget,
                 .margin = margin,
                 .version = p.header.version},
                now_);
  send(to, packet_kind::ping, {.number = number, .target = p.body.target}, &p.body.target, false);
}

void swim::relays_due() {
  for (const auto& asked : relays_.nacks_due(now_))
    send_bare(asked.to, asked.version, packet_kind::nack, {.number = asked.number});
}

} // namespace starling::membership
