#include "http/metrics.hpp"

#include "http/front_end.hpp"

#include <caf/telemetry/collector/prometheus.hpp>
#include <caf/telemetry/counter.hpp>
#include <caf/telemetry/gauge.hpp>
#include <caf/telemetry/metric_registry.hpp>

#include <map>

namespace starling::http {

namespace {

constexpr char prefix[] = "starling";

void set_gauge(caf::actor_system& sys, caf::string_view name, caf::string_view help,
               std::uint64_t value) {
  sys.metrics().gauge_singleton(prefix, name, help)->value(static_cast<std::int64_t>(value));
}

/// How far each member is behind this node, by name: a name comes back with its node.
void show_lags(caf::actor_system& sys, const node_report& report) {
  auto& entries = *sys.metrics().gauge_family(
      prefix, "gossip.peer-lag-entries", {"peer"},
      "Entries of the log that the peer has not acknowledged; all of them if it is behind.");
  auto& milliseconds = *sys.metrics().gauge_family(
      prefix, "gossip.peer-lag-milliseconds", {"peer"},
      "How long the oldest of these has been waiting for its acknowledgement.");
  for (const auto& member : report.membership.peers) {
    const auto& profile = member.record.profile;
    if (!profile || member.replaced)
      continue;
    std::int64_t pending = 0;
    std::int64_t lag = 0;
    for (const auto& peer : report.gossip.peers)
      if (peer.peer.value == profile->session.bits) {
        pending = static_cast<std::int64_t>(peer.pending);
        if (const auto found = report.gossip.lags.find(peer.peer);
            found != report.gossip.lags.end())
          lag = found->second.count();
      }
    entries.get_or_add({{"peer", profile->name}})->value(pending);
    milliseconds.get_or_add({{"peer", profile->name}})->value(lag);
  }
}

} // namespace

void count_request(caf::actor_system& sys, std::string_view route, int status) {
  const auto code = std::to_string(status);
  sys.metrics()
      .counter_family(prefix, "http.requests", {"route", "status"}, "Requests answered.", "1", true)
      ->get_or_add({{"route", {route.data(), route.size()}}, {"status", code}})
      ->inc();
}

std::string metrics_text(caf::actor_system& sys, const node_report& report) {
  const auto& gossip = report.gossip;
  set_gauge(sys, "keys", "Keys on this node.", gossip.keys);
  set_gauge(sys, "gossip.log-entries", "Deltas that some peer may lack.", gossip.log_entries);
  set_gauge(sys, "gossip.log-bytes", "Encoded size of these deltas.", gossip.log_bytes);
  std::uint64_t behind = 0;
  for (const auto& peer : gossip.peers)
    behind += peer.behind ? 1 : 0;
  set_gauge(sys, "gossip.peers-behind", "Peers whose keys are to be compared with ours.", behind);
  show_lags(sys, report);
  std::map<membership::member_state, std::uint64_t> members{{report.membership.self.status.is, 1}};
  for (const auto& peer : report.membership.peers)
    members[peer.record.status.is] += peer.replaced ? 0 : 1;
  for (const auto state : {membership::member_state::alive, membership::member_state::suspect,
                           membership::member_state::dead, membership::member_state::left}) {
    const auto name = to_string(state);
    sys.metrics()
        .gauge_family(prefix, "members", {"state"}, "Members known, this node included.")
        ->get_or_add({{"state", {name.data(), name.size()}}})
        ->value(static_cast<std::int64_t>(members[state]));
  }
  set_gauge(sys, "seeds-unreached", "Seeds that never answered.",
            report.membership.unreached_seeds.size());

  caf::telemetry::collector::prometheus collector;
  const auto text = collector.collect_from(sys.metrics());
  return {text.begin(), text.end()};
}

} // namespace starling::http
