#include "actors/swim_metrics.hpp"

#include <caf/telemetry/metric_registry.hpp>

namespace starling::actors {

namespace {

constexpr char prefix[] = "starling";

} // namespace

swim_metrics::swim_metrics(caf::actor_system& sys) {
  auto& registry = sys.metrics();
  using membership::counters;
  const auto add = [&](total which, caf::string_view name, caf::string_view help) {
    counters_.emplace_back(which, registry.counter_singleton(prefix, name, help, "1", true));
  };
  const auto add_dropped = [&](total which, caf::string_view reason) {
    counters_.emplace_back(which, registry
                                      .counter_family(prefix, "swim.packets-dropped", {"reason"},
                                                      "Datagrams of membership that were not "
                                                      "taken in.",
                                                      "1", true)
                                      ->get_or_add({{"reason", reason}}));
  };
  add(&counters::packets_sent, "swim.packets-sent", "Datagrams of membership sent.");
  add(&counters::packets_received, "swim.packets-received",
      "Authentic datagrams of membership received.");
  add(&counters::bytes_sent, "swim.bytes-sent",
      "Bytes in the datagrams of membership that were sent.");
  add(&counters::bytes_received, "swim.bytes-received",
      "Bytes in the datagrams of membership that were received.");
  add_dropped(&counters::dropped_malformed, "malformed");
  add_dropped(&counters::dropped_version, "version");
  add_dropped(&counters::dropped_foreign, "foreign");
  add_dropped(&counters::dropped_not_authentic, "not-authentic");
  add_dropped(&counters::dropped_replayed, "replayed");
  add_dropped(&counters::dropped_own, "own");
  add_dropped(&counters::dropped_ahead, "ahead");
  add(&counters::dropped_full, "swim.members-refused",
      "Records of members beyond swim.max-members.");
  add(&counters::probes, "swim.probes", "Members probed.");
  add(&counters::probes_indirect, "swim.probes-indirect",
      "Probes for which other members were asked.");
  add(&counters::probes_failed, "swim.probes-failed", "Probes that nobody answered.");
  add(&counters::nacks_received, "swim.nacks-received",
      "Answers of members that were asked to probe another and reached it no better.");
  add(&counters::suspicions, "swim.suspicions", "Suspicions that this node raised.");
  add(&counters::verdicts, "swim.verdicts", "Members that this node declared dead.");
  add(&counters::failures, "swim.failures", "Members that became dead here.");
  add(&counters::refutations, "swim.refutations", "Accusations that this node contradicted.");
  add(&counters::false_alarms, "swim.false-alarms", "Dead members that turned out to live.");
  add(&counters::syncs, "swim.syncs", "Member lists exchanged over HTTP.");
  add(&counters::syncs_failed, "swim.syncs-failed",
      "Exchanges of member lists over HTTP that came to nothing.");
  add(&counters::stalls, "swim.stalls", "Times that this process did not run.");
  health_ = registry.gauge_singleton(
      prefix, "swim.health", "How much this node doubts its own observations; 0 is not at all.");
  isolated_ = registry.gauge_singleton(prefix, "swim.isolated",
                                       "1 while this node hears nothing from anybody, or nobody "
                                       "else is there who should be.");
  refused_by_ = registry.gauge_singleton(prefix, "swim.refused-by",
                                         "Addresses at which this node is refused as a member.");
  refuses_ =
      registry.gauge_singleton(prefix, "swim.refuses", "Nodes that this one refuses as members.");
  without_udp_ = registry.gauge_singleton(
      prefix, "swim.members-without-udp",
      "Members that are there, and between whom and this node no datagrams get through.");
  without_tcp_ =
      registry.gauge_singleton(prefix, "swim.members-without-tcp",
                               "Members that are there, and that no call of this node reaches.");
  members_unreached_ = registry.gauge_singleton(
      prefix, "swim.members-unreached",
      "Members that say again and again that they are alive, and that nothing reaches.");
  members_not_calling_ =
      registry.gauge_singleton(prefix, "swim.members-not-calling",
                               "Members that are there, and whose calls do not reach this node.");
  unreached_ = registry.gauge_singleton(
      prefix, "swim.unreached",
      "1 while others accuse this node again and again and nothing of theirs reaches it.");
  address_conflict_ = registry.gauge_singleton(
      prefix, "swim.address-conflict", "1 while another member claims the address of this node.");
}

void swim_metrics::show(const membership::swim& core) {
  for (const auto& [which, counter] : counters_)
    counter->inc(static_cast<std::int64_t>(core.totals().*which) - counter->value());
  health_->value(core.health());
  isolated_->value(core.is_isolated() ? 1 : 0);
  refused_by_->value(static_cast<std::int64_t>(core.refused_by().entries().size()));
  refuses_->value(static_cast<std::int64_t>(core.refusing().entries().size()));
  unreached_->value(core.is_unreached() ? 1 : 0);
  address_conflict_->value(core.address_rival() ? 1 : 0);
  std::int64_t members_unreached = 0;
  std::int64_t not_calling = 0;
  std::int64_t without_udp = 0;
  std::int64_t without_tcp = 0;
  for (const auto& peer : core.peers()) {
    without_udp += peer.udp ? 0 : 1;
    without_tcp += peer.tcp ? 0 : 1;
    members_unreached += peer.unreached ? 1 : 0;
    not_calling += peer.tcp_in ? 0 : 1;
  }
  without_udp_->value(without_udp);
  without_tcp_->value(without_tcp);
  members_unreached_->value(members_unreached);
  members_not_calling_->value(not_calling);
}

} // namespace starling::actors
