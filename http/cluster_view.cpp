#include "http/cluster_view.hpp"

#include "http/warnings.hpp"

namespace starling::http {

namespace {

/// The name of a member, or its id.
std::string name_of(const membership::node_id& id, const actors::membership_report& report) {
  const auto name = [](const membership::member& m) {
    return m.profile && !m.profile->name.empty() ? m.profile->name : to_string(m.id);
  };
  if (report.self.id == id)
    return name(report.self);
  for (const auto& peer : report.peers)
    if (peer.record.id == id)
      return name(peer.record);
  return to_string(id);
}

/// Why a member is not alive.
std::string reason_of(const actors::member_report& peer, const actors::membership_report& report) {
  std::string accusers;
  switch (peer.record.status.is) {
  case membership::member_state::alive:
    return "";
  case membership::member_state::suspect:
    for (const auto& id : peer.record.status.accusers.ids())
      accusers += (accusers.empty() ? "no answer to " : ", ") + name_of(id, report);
    return accusers.empty() ? "no answer" : accusers;
  case membership::member_state::dead:
    return peer.own_verdict ? "no answer in time to this node"
                            : "no answer in time to another node";
  case membership::member_state::left:
    return "it left";
  }
  return "";
}

cluster_view::abilities view_of(const membership::abilities& can) {
  cluster_view::abilities result{.oldest = can.speaks.oldest, .newest = can.speaks.newest};
  for (const auto& [number, format] : can.values) {
    const auto type = static_cast<crdt::type>(number);
    result.reads.emplace_back(crdt::is_known(type) ? std::string{to_string(type)}
                                                   : "type " + std::to_string(number),
                              format);
  }
  return result;
}

} // namespace

cluster_view view_of(const node::node_report& report, const crdt::replica_id& replica,
                     std::chrono::sys_seconds started) {
  const auto& known = report.membership;
  const auto self = known.self.profile.value_or(membership::profile{});
  cluster_view result;
  result.self = {.name = self.name,
                 .node_id = to_string(known.self.id),
                 .replica_id = to_string(report.storage.replica.value_or(replica)),
                 .replica_state = std::string{to_string(report.storage.replica_state)},
                 .http_address = self.http_address,
                 .cluster_address = self.address,
                 .started = started,
                 .state = std::string{to_string(known.self.status.is)},
                 .incarnation = to_string(known.self.status.at),
                 .health = known.health,
                 .isolated = known.isolated,
                 .leaving = known.leaving || report.refuses_writes,
                 .can = view_of(self.abilities)};
  result.all_can = view_of(known.all_can);
  for (const auto& peer : known.peers) {
    if (peer.replaced || !peer.record.profile)
      continue;
    const auto& profile = *peer.record.profile;
    result.peers.push_back({.node_id = to_string(peer.record.id),
                            .name = profile.name,
                            .http_address = profile.http_address,
                            .cluster_address = profile.address,
                            .state = std::string{to_string(peer.record.status.is)},
                            .incarnation = to_string(peer.record.status.at),
                            .since = std::chrono::floor<std::chrono::seconds>(peer.since),
                            .health = peer.health,
                            .round_trip = peer.round_trip,
                            .reason = reason_of(peer, known),
                            .udp = peer.udp,
                            .tcp = peer.tcp,
                            .can = view_of(profile.abilities)});
  }
  result.unreached_seeds = known.unreached_seeds;
  const auto refusals = [](const std::vector<actors::refusal_report>& all) {
    std::vector<cluster_view::refusal> shown;
    for (const auto& r : all)
      shown.push_back({.address = r.address,
                       .name = r.name,
                       .reason = r.reason,
                       .why = r.why,
                       .since = std::chrono::floor<std::chrono::seconds>(r.since)});
    return shown;
  };
  result.refused_by = refusals(known.refused_by);
  result.refuses = refusals(known.refuses);
  result.warnings = warnings_of(known, report.storage, report.gossip);
  const auto& gossip = report.gossip;
  result.replication = {.root = to_string(gossip.root),
                        .keys = gossip.keys,
                        .log_entries = gossip.log_entries,
                        .log_bytes = gossip.log_bytes,
                        .values_refused = {}};
  for (const auto& peer : gossip.peers)
    result.replication.peers_behind += peer.behind || peer.refused > 0 ? 1 : 0;
  for (const auto& member : known.peers)
    if (const auto& profile = member.record.profile)
      if (const auto found = gossip.refused.find({profile->session.bits});
          found != gossip.refused.end())
        for (const auto& key : found->second)
          result.replication.values_refused.push_back(
              {profile->name, std::string{to_string(key.type)}, key.name});
  return result;
}

} // namespace starling::http
