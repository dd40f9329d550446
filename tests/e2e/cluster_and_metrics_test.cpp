// What a node tells those who watch over it.

#include "tests/e2e/cluster.hpp"
#include "tests/e2e/eventually.hpp"
#include "tests/http/metric_rules.hpp"

#include <functional>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace starling::e2e {
namespace {

using testing::AssertionFailure;
using testing::AssertionResult;
using testing::AssertionSuccess;

TEST(ClusterPage, ShowsTheNodeAndEachPeerOnce) {
  cluster nodes{3};
  ASSERT_TRUE(nodes.start());

  std::set<std::string> ids;
  for (auto& one : nodes.nodes()) {
    const auto got = one.http().get("/cluster");
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.header("Content-Type"), "application/json; charset=utf-8");
    const auto page = got.json();
    const auto& self = page.at("self");
    EXPECT_EQ(self.at("name"), one.name().c_str());
    EXPECT_EQ(self.at("http"), one.http_port().address().c_str());
    EXPECT_EQ(self.at("cluster"), one.peer_port().address().c_str());
    EXPECT_TRUE(std::regex_match(self.at("started").as_string().c_str(),
                                 std::regex{R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"}));
    EXPECT_TRUE(
        std::regex_match(self.at("replica").as_string().c_str(), std::regex{"[0-9a-f]{32}"}));
    ids.insert(self.at("node").as_string().c_str());

    ASSERT_EQ(page.at("peers").as_array().size(), 2U) << got.body;
    for (const auto& peer : page.at("peers").as_array()) {
      EXPECT_EQ(peer.at("state"), "alive") << got.body;
      EXPECT_NE(peer.at("name"), one.name().c_str());
      EXPECT_TRUE(peer.at("reason").is_null());
      EXPECT_TRUE(std::regex_match(peer.at("incarnation").as_string().c_str(),
                                   std::regex{R"(\d{13}\.\d+)"}));
      ids.insert(peer.at("node").as_string().c_str());
    }
  }
  EXPECT_EQ(ids.size(), 3U) << "nodes do not agree on who is who";
}

TEST(ClusterPage, ShowsAPeerThatIsGoneAsDeadAndWhy) {
  cluster nodes{2};
  ASSERT_TRUE(nodes.start());

  nodes[1].crash();

  EXPECT_TRUE(eventually([&]() -> AssertionResult {
    const auto seen = state_of_peer(nodes[0], nodes[1]);
    if (seen == "dead")
      return AssertionSuccess();
    return AssertionFailure() << "it is shown as \"" << seen << '"';
  }));
  const auto page = nodes[0].http().get("/cluster").json();
  const auto& peer = page.at("peers").at(0);
  EXPECT_EQ(peer.at("reason"), "no answer in time to this node");
  EXPECT_TRUE(peer.at("round_trip_ms").is_null());
  EXPECT_TRUE(std::regex_match(peer.at("since").as_string().c_str(),
                               std::regex{R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"}));
  EXPECT_EQ(nodes[0].http().get("/readyz").status, 200);
}

TEST(ClusterPage, HealthAndReadinessAreServed) {
  cluster nodes{1};
  ASSERT_TRUE(nodes.start());

  EXPECT_EQ(nodes[0].http().get("/healthz").body, "{\"status\": \"alive\"}\n");
  EXPECT_EQ(nodes[0].http().get("/readyz").body, "{\"status\": \"ready\"}\n");
}

// --- metrics ---------------------------------------------------------------------------------

/// What GET /metrics says: the value of each sample, by name and labels as they are written.
using samples = std::map<std::string, double>;

/// Reads Prometheus' text format, and fails where it is not that.
samples parse_metrics(const std::string& text) {
  const std::string name{"[a-zA-Z_:][a-zA-Z0-9_:]*"};
  const std::string label{R"([a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*")"};
  const std::regex sample{"(" + name + R"()(\{(?:)" + label + "(?:," + label +
                          R"()*)?\})? ([-+0-9.eE]+|NaN|[+-]Inf))"};
  const std::regex type{R"(# TYPE (\S+) (counter|gauge|histogram|summary|untyped))"};
  samples result;
  std::set<std::string> typed;
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    std::smatch part;
    if (std::regex_match(line, part, type)) {
      EXPECT_TRUE(typed.insert(part[1]).second) << "two types: " << line;
    } else if (line.starts_with("# HELP ") || line.empty()) {
      continue;
    } else if (std::regex_match(line, part, sample)) {
      const auto family =
          std::regex_replace(std::string{part[1]}, std::regex{"_(bucket|sum|count)$"}, "");
      EXPECT_TRUE(typed.contains(part[1]) || typed.contains(family)) << "no type: " << line;
      EXPECT_TRUE(
          result
              .emplace(std::string{part[1]} + std::string{part[2]}, std::stod(std::string{part[3]}))
              .second)
          << "twice: " << line;
    } else {
      ADD_FAILURE() << "this is no line of Prometheus' text format: " << line;
    }
  }
  return result;
}

samples metrics_of(const node& n) {
  const auto got = n.http().get("/metrics");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  return parse_metrics(got.body);
}

double value_of(const samples& all, const std::string& name) {
  const auto found = all.find(name);
  if (found != all.end())
    return found->second;
  ADD_FAILURE() << "there is no " << name;
  return -1;
}

TEST(Metrics, CountRequestsByRouteAndStatus) {
  cluster nodes{1};
  ASSERT_TRUE(nodes.start());
  for (int i = 0; i < 3; ++i)
    nodes[0].http().post("/counters/a" + std::to_string(i), R"({"increment": 1})");
  nodes[0].http().get("/counters/a0");
  nodes[0].http().put("/registers/b", R"({"value": 1})");
  for (const auto* target : {"/sets/c", "/sets/d"})
    nodes[0].http().get(target);
  nodes[0].http().post("/counters/a", "{");

  const auto all = metrics_of(nodes[0]);

  const auto requests = [&](const std::string& route, const std::string& status) {
    return value_of(all, "starling_http_requests_total{route=\"" + route + "\",status=\"" + status +
                             "\"}");
  };
  EXPECT_EQ(requests("/counters/{key}", "200"), 4);
  EXPECT_EQ(requests("/registers/{key}", "200"), 1);
  EXPECT_EQ(requests("/sets/{key}", "404"), 2);
  EXPECT_EQ(requests("refused", "400"), 1);
  EXPECT_EQ(value_of(all, "starling_keys"), 4);
}

TEST(Metrics, NeverContainAKey) {
  cluster nodes{1};
  ASSERT_TRUE(nodes.start());
  const std::string key = "secret-key-name";
  nodes[0].http().post("/counters/" + key, R"({"increment": 1})");
  nodes[0].http().put("/registers/" + key, R"({"value": 1})");
  nodes[0].http().post("/sets/" + key, R"({"add": ["secret-member-name"]})");
  nodes[0].http().get("/sets/" + key + "-unknown");
  nodes[0].http().send("BREW", "/" + key);
  nodes[0].http().get("/" + key + "/" + key);

  const auto text = nodes[0].http().get("/metrics").body;

  EXPECT_EQ(text.find("secret"), std::string::npos);
}

/// A cluster of nodes with a name that has to be escaped, and with one name.
void with_odd_names(const std::function<void(node&)>& look) {
  cluster nodes{4};
  nodes[1].set_flag(R"(--node.name=ra"ck\1 {x="y"})");
  nodes[2].set_flag("--node.name=twin");
  nodes[3].set_flag("--node.name=twin");
  ASSERT_TRUE(nodes.start());
  nodes[0].http().post("/counters/a", R"({"increment": 1})");
  look(nodes[0]);
}

TEST(Metrics, KeepTheRulesOfPrometheus) {
  with_odd_names([](node& one) {
    const auto text = one.http().get("/metrics").body;
    EXPECT_EQ(metric_rules::complaints_about(text), std::vector<std::string>{});
    EXPECT_NE(text.find(R"(peer="ra\"ck\\1 {x=\"y\"}")"), std::string::npos) << text;
    const std::regex twin{
        R"(\nstarling_gossip_peer_lag_seconds\{node="[0-9a-f]{32}",peer="twin"\})"};
    EXPECT_EQ(std::distance(std::sregex_iterator{text.begin(), text.end(), twin}, {}), 2) << text;
  });
}

TEST(Metrics, GivePromtoolNothingToSay) {
  if (run_in_shell("command -v promtool").status != 0)
    GTEST_SKIP() << "promtool is not installed";
  with_odd_names([](node& one) {
    const auto said = run_in_shell(
        "curl -sS --max-time 10 http://localhost:" + std::to_string(one.http_port().number()) +
        "/metrics | promtool check metrics");
    EXPECT_EQ(said.output, "");
    EXPECT_EQ(said.status, 0);
  });
}

TEST(Metrics, TellHowTheClusterIs) {
  cluster nodes{3};
  ASSERT_TRUE(nodes.start());
  nodes[0].http().post("/counters/a", R"({"increment": 1})");
  ASSERT_TRUE(nodes.all_come_to_show("/counters/a", "1"));

  EXPECT_TRUE(eventually([&]() -> AssertionResult {
    for (const auto& one : nodes.nodes()) {
      const auto all = metrics_of(one);
      if (value_of(all, "starling_keys") != 1 ||
          value_of(all, "starling_members{state=\"alive\"}") != 3 ||
          value_of(all, "starling_members{state=\"dead\"}") != 0 ||
          value_of(all, "starling_seeds_unreached") != 0 ||
          value_of(all, "starling_gossip_log_entries") != 0 ||
          value_of(all, "starling_gossip_peers_behind") != 0 ||
          value_of(all, "starling_swim_packets_received_total") < 1) // they may meet without any
        return AssertionFailure() << one.name() << " says:\n" << one.http().get("/metrics").body;
    }
    return AssertionSuccess();
  }));
  const auto all = metrics_of(nodes[0]);
  EXPECT_GE(value_of(all, "starling_gossip_messages_sent_total"), 1);
  EXPECT_GE(value_of(all, "starling_swim_packets_sent_total"), 1);
  EXPECT_EQ(value_of(all, "starling_swim_packets_dropped_total{reason=\"malformed\"}"), 0);
  EXPECT_EQ(value_of(all, "starling_swim_failures_total"), 0);
}

} // namespace
} // namespace starling::e2e
