// Nodes that this node takes for no members, nodes that take this node for none, and how both sides
// come to know.

#include "membership/swim.hpp"

#include <algorithm>
#include <chrono>
#include <tuple>

namespace starling::membership {

namespace {

/// A generation that is ahead of the own clock by more than this is from a time when the clock was
/// wrong.
constexpr duration generation_slack = std::chrono::minutes{1};

constexpr duration complaint_interval = std::chrono::minutes{1};

} // namespace

refusal swim::refusal_of(const incarnation& at) const {
  return {.reason = refusal_reason::clock,
          .clock = clock(),
          .generation = at.generation,
          .members = 0,
          .name = profile_.name,
          .why = ""};
}

refusal swim::refusal_of(const wire::protocol_range& theirs) const {
  return {.reason = refusal_reason::version,
          .name = profile_.name,
          .why = "",
          .speaks = profile_.abilities.speaks,
          .theirs = theirs};
}

void swim::refuse_far_ahead(const member& said, const std::string& where) {
  ++totals_.dropped_ahead;
  auto why = refusal_of(said.status.at);
  why.name = said.profile ? said.profile->name : "";
  refusing_.note(where, why, now_);
  if (complained_ && now_ - *complained_ < complaint_interval)
    return;
  complained_ = now_;
  tell_of_refusal(said, where, why);
}

/// Others may have it as a member, and tell of it again and again: it is told of once.
void swim::refuse_other_versions(const member& said) {
  ++totals_.dropped_version;
  auto why = refusal_of(said.profile->abilities.speaks);
  why.name = said.profile->name;
  if (refusing_.note(said.profile->address, why, now_))
    tell_of_refusal(said, said.profile->address, why);
}

/// Somebody calls in a version that this node does not speak. The answer to that.
refusal swim::refuse_version(const list_head& caller) {
  ++totals_.dropped_version;
  auto why = refusal_of(caller.speaks);
  auto ours = why;
  ours.name = caller.name;
  if (refusing_.note(caller.address, ours, now_))
    tell_of_refusal({caller.id, {}, std::nullopt}, caller.address, ours);
  return why;
}

void swim::tell_of_refusal(const member& said, const std::string& where, const refusal& why) {
  out_.events.push_back(
      {.kind = event_kind::refusing, .who = said, .where = where, .why = describe(why)});
}

/// Why a caller that says this of itself is no member here; nothing if it is one.
std::optional<refusal> swim::refuse(const member& caller, bool was_full) {
  if (is_far_ahead(caller.id, caller.status.at))
    return refusal_of(caller.status.at);
  if (is_of_other_versions(caller))
    return refusal_of(caller.profile->abilities.speaks);
  if (!was_full || is_live(caller.id) || caller.status.is >= member_state::dead)
    return std::nullopt;
  const refusal why{.reason = refusal_reason::full,
                    .clock = clock(),
                    .generation = caller.status.at.generation,
                    .members = settings_.max_members,
                    .name = profile_.name,
                    .why = ""};
  auto ours = why;
  ours.name = caller.profile ? caller.profile->name : "";
  const auto where = caller.profile ? caller.profile->address : to_string(caller.id);
  if (refusing_.note(where, ours, now_))
    tell_of_refusal(caller, where, ours);
  return why;
}

/// Answers a packet with a refusal. The answer has no more bytes than the packet, unless the sender
/// is known to be at that address.
void swim::notify_refused(const packet_header& h, const udp_address& from, std::size_t bytes) {
  if (is_leaving() || !may_tell_dead(h.from))
    return;
  const auto* e = table_.find(h.from);
  const bool is_known = e != nullptr && e->record.profile && e->record.profile->udp == from;
  const packet_body body{.number = clock(), .target = h.from};
  wire::writer trial;
  packet_writer{trial, packet_bytes_max}.begin(cluster_, header(packet_kind::refused, h.version),
                                               body);
  if (is_known || trial.size() + std::tuple_size_v<wire::tag> <= bytes)
    send_bare(from, h.version, packet_kind::refused, body);
}

void swim::on_refused(const opened_packet& p, const udp_address& from) {
  if (p.body.target != id_)
    return;
  auto what = refusal_of(self().status.at);
  what.clock = p.body.number;
  const auto* e = table_.find(p.header.from);
  what.name = e != nullptr && e->record.profile ? e->record.profile->name : "";
  is_refused(to_string(from), what);
}

void swim::is_refused(const std::string& address, const refusal& what) {
  if (refused_by_.note(address, what, now_))
    out_.events.push_back(
        {.kind = event_kind::refused, .who = self(), .where = address, .why = describe(what)});
  // Our clock may have been set since we started.
  if (what.reason == refusal_reason::clock)
    end_generation_ahead(generation_slack);
}

/// Whether each live member refuses this node. Such members stay live here, for this node does not
/// refuse them.
bool swim::is_refused_by_all() const {
  const auto& by = refused_by_.entries();
  return !live_.empty() && !by.empty() && std::ranges::all_of(live_, [&](const node_id& id) {
    const auto& profile = *table_.find(id)->record.profile;
    return by.contains(profile.address) || by.contains(to_string(profile.udp));
  });
}

/// A seed is asked again after one and a half of its intervals at the latest, so a refusal that is
/// older than three of them would have been repeated.
void swim::forget_refusals() {
  const auto age = std::max<duration>(3 * settings_.seed_interval, std::chrono::minutes{2});
  refused_by_.forget_older(now_ - age);
  refusing_.forget_older(now_ - age);
}

} // namespace starling::membership
