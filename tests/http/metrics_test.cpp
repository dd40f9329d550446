#include "../actors/fixture.hpp"
#include "config/config.hpp"
#include "http/metrics.hpp"
#include "loopback.hpp"
#include "metric_rules.hpp"

#include <gmock/gmock.h>

namespace starling::http {
namespace {

using node::node_report;

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class Metrics : public threaded_test {};

node_report make_report() {
  node_report result;
  result.gossip.keys = 7;
  result.gossip.unknown_keys = 2;
  result.gossip.log_entries = 3;
  result.gossip.log_bytes = 45;
  result.gossip.peers = {
      {{1}, true, 3}, {{2}, false, 0}, {{3}, true, 3, 2}, {{4}, false, 0, 5, true}};
  using enum membership::member_state;
  for (const auto state : {dead, alive, suspect, dead, left, dead}) {
    auto& peer = result.membership.peers.emplace_back();
    peer.record.status.is = state;
  }
  result.membership.peers.back().replaced = true;
  result.membership.unreached_seeds = {"seed:1"};
  return result;
}

/// The value of the series that begins a line so.
std::string value_of(const std::string& text, std::string_view series) {
  const auto line = text.find("\n" + std::string{series} + " ");
  if (line == std::string::npos)
    return "none";
  const auto begin = line + series.size() + 2;
  return text.substr(begin, text.find('\n', begin) - begin);
}

TEST_F(Metrics, DeclareTheTypeOfEverySeries) {
  count_request(sys, "/cluster", 200);

  const auto text = metrics_text(sys, make_report());

  for (const std::string gauge :
       {"starling_keys", "starling_keys_unknown", "starling_gossip_log_entries",
        "starling_gossip_log_bytes", "starling_gossip_peers_behind",
        "starling_gossip_values_refused", "starling_gossip_peers_not_taken", "starling_members",
        "starling_seeds_unreached"}) {
    EXPECT_THAT(text, HasSubstr("# TYPE " + gauge + " gauge\n"));
    EXPECT_THAT(text, HasSubstr("# HELP " + gauge + " "));
  }
  EXPECT_THAT(text, HasSubstr("# TYPE starling_http_requests_total counter\n"));
  EXPECT_THAT(text, HasSubstr("# HELP starling_http_requests_total "));
}

TEST_F(Metrics, ShowTheReport) {
  const auto text = metrics_text(sys, make_report());

  EXPECT_EQ(value_of(text, "starling_keys"), "7");
  EXPECT_EQ(value_of(text, "starling_keys_unknown"), "2");
  EXPECT_EQ(value_of(text, "starling_gossip_log_entries"), "3");
  EXPECT_EQ(value_of(text, "starling_gossip_log_bytes"), "45");
  EXPECT_EQ(value_of(text, "starling_gossip_peers_behind"), "3") << "one refuses something";
  EXPECT_EQ(value_of(text, "starling_gossip_values_refused"), "7");
  EXPECT_EQ(value_of(text, "starling_gossip_peers_not_taken"), "1");
  EXPECT_EQ(value_of(text, R"(starling_members{state="alive"})"), "2");
  EXPECT_EQ(value_of(text, R"(starling_members{state="suspect"})"), "1");
  EXPECT_EQ(value_of(text, R"(starling_members{state="dead"})"), "2");
  EXPECT_EQ(value_of(text, R"(starling_members{state="left"})"), "1");
  EXPECT_EQ(value_of(text, "starling_seeds_unreached"), "1");
}

/// A report of one peer that lacks three entries.
node_report report_of_peer(const std::string& name, std::uint64_t number) {
  node_report report;
  auto& peer = report.membership.peers.emplace_back();
  peer.record = actors::make_member("a:1", number);
  peer.record.profile->name = name;
  peer.record.profile->session = {number};
  report.gossip.peers = {{{number}, false, 3}};
  report.gossip.lags[{number}] = std::chrono::milliseconds{1234};
  return report;
}

std::string labels_of(std::string_view name, std::uint64_t number) {
  return "{node=\"" + to_string(membership::node_id::from(number, number)) + "\",peer=\"" +
         std::string{name} + "\"}";
}

TEST_F(Metrics, ShowHowFarEachPeerIsBehind) {
  auto report = report_of_peer("bob", 3);
  for (const auto state : {membership::member_state::alive, membership::member_state::suspect}) {
    report.membership.peers[0].record.status.is = state;
    const auto text = metrics_text(sys, report);
    EXPECT_EQ(value_of(text, "starling_gossip_peer_lag_entries" + labels_of("bob", 3)), "3");
    EXPECT_EQ(value_of(text, "starling_gossip_peer_lag_seconds" + labels_of("bob", 3)), "1.234");
  }

  report.gossip.peers.clear();
  report.gossip.lags.clear();
  const auto text = metrics_text(sys, report);
  EXPECT_EQ(value_of(text, "starling_gossip_peer_lag_entries" + labels_of("bob", 3)), "0");
  EXPECT_EQ(value_of(text, "starling_gossip_peer_lag_seconds" + labels_of("bob", 3)), "0");
}

TEST_F(Metrics, ForgetAPeerThatIsGone) {
  const auto report = report_of_peer("bob", 3);
  ASSERT_THAT(metrics_text(sys, report), HasSubstr("bob"));

  auto dead = report;
  dead.membership.peers[0].record.status.is = membership::member_state::dead;
  auto left = report;
  left.membership.peers[0].record.status.is = membership::member_state::left;
  auto replaced = report;
  replaced.membership.peers[0].replaced = true;
  for (const auto& gone : {dead, left, replaced, node_report{}})
    EXPECT_THAT(metrics_text(sys, gone), Not(HasSubstr("bob")));
}

TEST_F(Metrics, TellPeersOfOneNameApart) {
  auto report = report_of_peer("twin", 3);
  report.membership.peers.push_back(report_of_peer("twin", 4).membership.peers[0]);

  const auto text = metrics_text(sys, report);

  EXPECT_EQ(value_of(text, "starling_gossip_peer_lag_entries" + labels_of("twin", 3)), "3");
  EXPECT_EQ(value_of(text, "starling_gossip_peer_lag_entries" + labels_of("twin", 4)), "0");
  EXPECT_THAT(metric_rules::complaints_about(text), IsEmpty());
}

TEST_F(Metrics, EscapeTheNameOfAPeer) {
  const auto text = metrics_text(sys, report_of_peer(R"(ra"ck\1 {x="y"})", 3));
  EXPECT_EQ(
      value_of(text, "starling_gossip_peer_lag_entries" + labels_of(R"(ra\"ck\\1 {x=\"y\"})", 3)),
      "3");
  EXPECT_THAT(metric_rules::complaints_about(text), IsEmpty());
}

TEST_F(Metrics, KeepTheRulesOfPrometheus) {
  count_request(sys, "/sets/{key}", 200);
  time_request(sys, "/sets/{key}", 0.003);
  sys.metrics().gauge_family("test", "label", {"x"}, "A label.")->get_or_add({{"x", "\"\\\n"}});
  sys.metrics().gauge_singleton("test", "level", "A gauge that CAF would call a total.", "1", true);
  sys.metrics().counter_singleton("test", "count-of", "A counter that CAF would not call one.");
  const std::int64_t bounds[] = {1, 10};
  sys.metrics().histogram_singleton("test", "sizes", caf::make_span(bounds, 2), "Sizes.");

  const auto text = metrics_text(sys, make_report());

  EXPECT_THAT(metric_rules::complaints_about(text), IsEmpty());
  EXPECT_THAT(text, HasSubstr("\ncaf_system_queued_messages "));
}

TEST_F(Metrics, TimeRequestsByRoute) {
  time_request(sys, "/sets/{key}", 0.0002);
  time_request(sys, "/sets/{key}", 0.003);
  time_request(sys, "/sets/{key}", 60);

  const auto text = metrics_text(sys, {});

  const std::string name = "starling_http_request_duration_seconds";
  const auto bucket = [&](std::string_view bound) {
    return value_of(text,
                    name + "_bucket{route=\"/sets/{key}\",le=\"" + std::string{bound} + "\"}");
  };
  EXPECT_EQ(bucket("0.001"), "1");
  EXPECT_EQ(bucket("0.005"), "2");
  EXPECT_EQ(bucket("5"), "2");
  EXPECT_EQ(bucket("+Inf"), "3");
  EXPECT_EQ(value_of(text, name + "_count{route=\"/sets/{key}\"}"), "3");
}

TEST_F(Metrics, SayWhichVersionThisIsAndWhatItUses) {
  const auto text = metrics_text(sys, {});
  EXPECT_EQ(value_of(text, "starling_build_info{version=\"" +
                               std::string{starling::config::version} + "\"}"),
            "1");
  for (const auto* name :
       {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds",
        "process_max_fds", "process_start_time_seconds", "process_virtual_memory_bytes"})
    EXPECT_NE(value_of(text, name), "none") << name;
}

TEST_F(Metrics, ShowTheLatestReportOnly) {
  metrics_text(sys, make_report());

  const auto text = metrics_text(sys, {});

  EXPECT_EQ(value_of(text, "starling_keys"), "0");
  EXPECT_EQ(value_of(text, R"(starling_members{state="alive"})"), "1");
  EXPECT_EQ(value_of(text, R"(starling_members{state="dead"})"), "0");
}

TEST_F(Metrics, CountRequestsByRouteAndStatus) {
  count_request(sys, "/sets/{key}", 200);
  count_request(sys, "/sets/{key}", 200);
  count_request(sys, "/sets/{key}", 404);
  count_request(sys, "/cluster", 200);

  const auto text = metrics_text(sys, {});

  const std::string name = "starling_http_requests_total";
  EXPECT_EQ(value_of(text, name + R"({route="/sets/{key}",status="200"})"), "2");
  EXPECT_EQ(value_of(text, name + R"({route="/sets/{key}",status="404"})"), "1");
  EXPECT_EQ(value_of(text, name + R"({route="/cluster",status="200"})"), "1");
  EXPECT_EQ(value_of(text, name + R"({route="/cluster",status="404"})"), "none");
}

TEST_F(Metrics, AreLinesOfPrometheusTextFormat) {
  count_request(sys, "/cluster", 200);

  const auto text = metrics_text(sys, make_report());

  ASSERT_FALSE(text.empty());
  EXPECT_EQ(text.back(), '\n');
  EXPECT_THAT(text, Not(HasSubstr("\r")));
  EXPECT_THAT(text, Not(HasSubstr(std::string{'\0'})));
  EXPECT_THAT(metric_rules::complaints_about(text), IsEmpty());
}

} // namespace
} // namespace starling::http
