#include "http/metrics.hpp"
#include "http/port_report.hpp"
#include "loopback.hpp"

#include <gmock/gmock.h>

namespace starling::http {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Optional;

const refusal_digest::clock::time_point start{1000s};

TEST(RefusalDigest, SaysTheFirstAtOnce) {
  refusal_digest digest;
  EXPECT_THAT(digest.add("silent", "10.0.0.7", start),
              Optional(std::string{"1 refused (silent 1), the last from 10.0.0.7"}));
}

TEST(RefusalDigest, SaysALineForAllOfAnInterval) {
  refusal_digest digest;
  digest.add("silent", "10.0.0.7", start);
  for (int i = 0; i < 1000; ++i)
    EXPECT_EQ(digest.add(i % 2 ? "full" : "bad-request", "10.0.0.8",
                         start + refusal_digest::interval - 1ms),
              std::nullopt);

  EXPECT_THAT(digest.add("full", "::1", start + refusal_digest::interval),
              Optional(std::string{"1001 refused (bad-request 500, full 501), the last from ::1"}));
  EXPECT_EQ(digest.add("full", "::1", start + refusal_digest::interval), std::nullopt);
}

class DoorReport : public threaded_test {};

TEST_F(DoorReport, CountsByPortAndReason) {
  const auto clients = report_port(sys, "clients");
  const auto peers = report_port(sys, "peers");
  clients.refused("bad-request", "10.0.0.7");
  clients.refused("bad-request", "10.0.0.7");
  peers.refused("silent", "");
  clients.open(5);
  clients.open(4);

  const auto text = metrics_text(sys, {});

  EXPECT_THAT(text,
              HasSubstr(R"(starling_http_refusals_total{port="clients",reason="bad-request"} 2)"));
  EXPECT_THAT(text, HasSubstr(R"(starling_http_refusals_total{port="peers",reason="silent"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(starling_http_connections{port="clients"} 4)"));
  EXPECT_THAT(text, HasSubstr(R"(starling_http_connections{port="peers"} 0)"));
}

} // namespace
} // namespace starling::http
