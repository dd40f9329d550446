#include "http/metrics.hpp"
#include "loopback.hpp"

#include <gmock/gmock.h>

namespace starling::http {
namespace {

using testing::HasSubstr;
using testing::Not;

class Metrics : public threaded_test {};

node_report make_report() {
  node_report result;
  result.gossip.keys = 7;
  result.gossip.log_entries = 3;
  result.gossip.log_bytes = 45;
  result.gossip.peers = {{{1}, true, 3}, {{2}, false, 0}, {{3}, true, 3}};
  using enum membership::member_state;
  for (const auto state : {dead, alive, suspect, dead, left, dead}) {
    auto& peer = result.membership.peers.emplace_back();
    peer.record.status.is = state;
  }
  result.membership.peers.back().replaced = true;
  result.membership.unreached_seeds = {"seed:1"};
  return result;
}

/// The line of the series that begins so, from behind its value's space up to the time.
std::string value_of(const std::string& text, std::string_view series) {
  const auto line = text.find("\n" + std::string{series} + " ");
  if (line == std::string::npos)
    return "none";
  const auto begin = line + series.size() + 2;
  return text.substr(begin, text.find_first_of(" \n", begin) - begin);
}

TEST_F(Metrics, DeclareTheTypeOfEverySeries) {
  count_request(sys, "/cluster", 200);

  const auto text = metrics_text(sys, make_report());

  for (const std::string gauge :
       {"starling_keys", "starling_gossip_log_entries", "starling_gossip_log_bytes",
        "starling_gossip_peers_behind", "starling_members", "starling_seeds_unreached"}) {
    EXPECT_THAT(text, HasSubstr("# TYPE " + gauge + " gauge\n"));
    EXPECT_THAT(text, HasSubstr("# HELP " + gauge + " "));
  }
  EXPECT_THAT(text, HasSubstr("# TYPE starling_http_requests_total counter\n"));
  EXPECT_THAT(text, HasSubstr("# HELP starling_http_requests_total "));
}

TEST_F(Metrics, ShowTheReport) {
  const auto text = metrics_text(sys, make_report());

  EXPECT_EQ(value_of(text, "starling_keys"), "7");
  EXPECT_EQ(value_of(text, "starling_gossip_log_entries"), "3");
  EXPECT_EQ(value_of(text, "starling_gossip_log_bytes"), "45");
  EXPECT_EQ(value_of(text, "starling_gossip_peers_behind"), "2");
  EXPECT_EQ(value_of(text, R"(starling_members{state="alive"})"), "2");
  EXPECT_EQ(value_of(text, R"(starling_members{state="suspect"})"), "1");
  EXPECT_EQ(value_of(text, R"(starling_members{state="dead"})"), "2");
  EXPECT_EQ(value_of(text, R"(starling_members{state="left"})"), "1");
  EXPECT_EQ(value_of(text, "starling_seeds_unreached"), "1");
}

TEST_F(Metrics, ShowHowFarEachPeerIsBehind) {
  auto report = make_report();
  auto& peer = report.membership.peers[1];
  peer.record.profile = membership::profile{.session = {3}, .name = "bob"};
  report.gossip.lags[{3}] = std::chrono::milliseconds{1234};
  auto text = metrics_text(sys, report);

  EXPECT_EQ(value_of(text, R"(starling_gossip_peer_lag_entries{peer="bob"})"), "3");
  EXPECT_EQ(value_of(text, R"(starling_gossip_peer_lag_milliseconds{peer="bob"})"), "1234");

  report.gossip.peers.clear(); // it is gone
  report.gossip.lags.clear();
  text = metrics_text(sys, report);
  EXPECT_EQ(value_of(text, R"(starling_gossip_peer_lag_entries{peer="bob"})"), "0");
  EXPECT_EQ(value_of(text, R"(starling_gossip_peer_lag_milliseconds{peer="bob"})"), "0");
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
}

} // namespace
} // namespace starling::http
