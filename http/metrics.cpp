#include "http/metrics.hpp"

#include "config/config.hpp"
#include "http/api/metrics_page.hpp"
#include "system/log.hpp"
#include "system/process_stats.hpp"

#include <caf/span.hpp>
#include <caf/telemetry/counter.hpp>
#include <caf/telemetry/gauge.hpp>
#include <caf/telemetry/histogram.hpp>
#include <caf/telemetry/metric_registry.hpp>

#include <array>
#include <limits>
#include <map>

namespace starling::http {

namespace {

constexpr char prefix[] = "starling";

void set_gauge(caf::actor_system& sys, caf::string_view name, caf::string_view help,
               std::uint64_t value) {
  sys.metrics().gauge_singleton(prefix, name, help)->value(static_cast<std::int64_t>(value));
}

/// Writes what is in the registry of the actor system onto a page, in place of CAF's own collector:
/// that one escapes nothing, gives each sample a time, and calls some gauges totals.
class collector {
public:
  explicit collector(metrics_page& page) : page_(page) {}

  template <class T>
  void operator()(const caf::telemetry::metric_family* family, const caf::telemetry::metric* one,
                  const caf::telemetry::counter<T>* counter) {
    page_.counter(name_of(*family) + "_total", family->helptext(), labels_of(*one),
                  counter->value());
  }

  void operator()(const caf::telemetry::metric_family* family, const caf::telemetry::metric* one,
                  const caf::telemetry::dbl_gauge* gauge) {
    page_.gauge(name_of(*family), family->helptext(), labels_of(*one), gauge->value());
  }

  void operator()(const caf::telemetry::metric_family* family, const caf::telemetry::metric* one,
                  const caf::telemetry::int_gauge* gauge) {
    page_.gauge(name_of(*family), family->helptext(), labels_of(*one), gauge->value());
  }

  template <class T>
  void operator()(const caf::telemetry::metric_family* family, const caf::telemetry::metric* one,
                  const caf::telemetry::histogram<T>* histogram) {
    std::vector<metrics_page::bucket> buckets;
    for (const auto& [bound, count] : histogram->buckets())
      buckets.push_back({static_cast<double>(bound), count.value()});
    if (!buckets.empty()) // that of integers ends with the largest one
      buckets.back().upper_bound = std::numeric_limits<double>::infinity();
    page_.histogram(name_of(*family), family->helptext(), labels_of(*one), buckets,
                    static_cast<double>(histogram->sum()));
  }

private:
  static std::string name_of(const caf::telemetry::metric_family& family) {
    const auto unit = family.unit() == "1" ? "" : "_" + family.unit();
    return metric_name(family.prefix() + "_" + family.name() + unit);
  }

  static metrics_page::labels labels_of(const caf::telemetry::metric& one) {
    metrics_page::labels result;
    for (const auto& label : one.labels()) {
      const auto name = label.name();
      const auto value = label.value();
      result.emplace_back(std::string_view{name.data(), name.size()},
                          std::string_view{value.data(), value.size()});
    }
    return result;
  }

  metrics_page& page_;
};

/// How far each member is behind this node, for as long as it is one that is sent anything. These
/// series are made anew for each page, so those of a member that is gone go with it.
void show_lags(metrics_page& page, const node::node_report& report) {
  using enum membership::member_state;
  for (const auto& member : report.membership.peers) {
    const auto& profile = member.record.profile;
    const auto state = member.record.status.is;
    if (!profile || member.replaced || (state != alive && state != suspect))
      continue;
    std::int64_t pending = 0;
    std::chrono::milliseconds lag{0};
    for (const auto& peer : report.gossip.peers)
      if (peer.peer.value == profile->session.bits) {
        pending = static_cast<std::int64_t>(peer.pending);
        if (const auto found = report.gossip.lags.find(peer.peer);
            found != report.gossip.lags.end())
          lag = found->second;
      }
    const auto node = to_string(member.record.id);
    const metrics_page::labels labels{{"node", node}, {"peer", profile->name}};
    page.gauge("starling_gossip_peer_lag_entries",
               "Entries of this node's log that the peer has not acknowledged; the whole log while "
               "the keys of both are to be compared.",
               labels, pending);
    page.gauge("starling_gossip_peer_lag_seconds",
               "For how long the oldest entry that the peer lacks has been waiting for its "
               "acknowledgement.",
               labels, static_cast<double>(lag.count()) / 1000);
  }
}

void show_process(metrics_page& page) {
  page.gauge("starling_build_info", "The version of this node, as a label; the value is always 1.",
             {{"version", config::version}}, std::int64_t{1});
  const auto stats = system::read_process_stats();
  if (!stats)
    return;
  page.counter("process_cpu_seconds_total", "Processor time that this process has used.", {},
               stats->cpu_seconds);
  page.gauge("process_virtual_memory_bytes", "Virtual memory of this process.", {},
             stats->virtual_bytes);
  page.gauge("process_resident_memory_bytes", "Memory that this process holds.", {},
             stats->resident_bytes);
  page.gauge("process_start_time_seconds", "When this process was started, since 1970.", {},
             stats->started);
  page.gauge("process_open_fds", "Descriptors that this process has open.", {}, stats->open_files);
  page.gauge("process_max_fds", "Descriptors that this process may have open.", {},
             stats->open_files_max);
}

} // namespace

void count_request(caf::actor_system& sys, std::string_view route, int status) {
  const auto code = std::to_string(status);
  sys.metrics()
      .counter_family(prefix, "http.requests", {"route", "status"}, "Requests answered.", "1", true)
      ->get_or_add({{"route", {route.data(), route.size()}}, {"status", code}})
      ->inc();
}

void time_request(caf::actor_system& sys, std::string_view route, double seconds) {
  static constexpr std::array bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                     0.1,   0.25,   0.5,   1.0,  2.5,   5.0};
  sys.metrics()
      .histogram_family<double>(
          prefix, "http.request-duration", {"route"}, caf::make_span(bounds.data(), bounds.size()),
          "How long requests took from their last byte to their answer.", "seconds")
      ->get_or_add({{"route", {route.data(), route.size()}}})
      ->observe(seconds);
}

std::string metrics_text(caf::actor_system& sys, const node::node_report& report) {
  const auto& gossip = report.gossip;
  set_gauge(sys, "keys", "Keys on this node.", gossip.keys);
  set_gauge(sys, "keys-unknown",
            "Keys on the disk of types or formats that this version does not know.",
            gossip.unknown_keys);
  set_gauge(sys, "gossip.log-entries", "Deltas that some peer may lack.", gossip.log_entries);
  set_gauge(sys, "gossip.log-bytes", "Encoded size of the deltas that some peer may lack.",
            gossip.log_bytes);
  std::uint64_t behind = 0;
  std::uint64_t refused = 0;
  std::uint64_t too_much = 0;
  for (const auto& peer : gossip.peers) {
    behind += peer.behind || peer.refused > 0 ? 1 : 0;
    refused += peer.refused;
    too_much += peer.brought_too_much ? 1 : 0;
  }
  set_gauge(sys, "gossip.peers-behind",
            "Peers whose keys are to be compared with ours, or that do not take a value of ours.",
            behind);
  set_gauge(sys, "gossip.values-refused",
            "Values of ours that a peer does not take and so lacks, added up over the peers.",
            refused);
  set_gauge(sys, "gossip.peers-not-taken",
            "Peers of which this node has not taken some value, too large for it, and so lacks it.",
            too_much);
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

  metrics_page page;
  collector all{page};
  sys.metrics().collect(all);
  show_lags(page, report);
  show_process(page);
  page.counter("starling_log_dropped_lines_total",
               "Lines of the log that could not be written in time.", {},
               static_cast<std::int64_t>(log::dropped_lines()));
  return page.text();
}

} // namespace starling::http
