#include "http/api/metrics_page.hpp"
#include "tests/http/metric_rules.hpp"

#include <cmath>
#include <gmock/gmock.h>
#include <limits>

namespace starling::http {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr auto infinity = std::numeric_limits<double>::infinity();

TEST(MetricsPage, HasATypeAndAHelpTextForEachFamily) {
  metrics_page page;
  page.gauge("b", "How many.", {}, std::int64_t{-7});
  page.counter("a_total", "All.", {{"x", "1"}}, 0.25);
  page.counter("a_total", "All.", {{"x", "2"}}, std::int64_t{3});

  EXPECT_EQ(page.text(), "# HELP a_total All.\n# TYPE a_total counter\n"
                         "a_total{x=\"1\"} 0.25\na_total{x=\"2\"} 3\n"
                         "# HELP b How many.\n# TYPE b gauge\nb -7\n");
}

TEST(MetricsPage, KeepsTheSamplesOfAFamilyTogether) {
  metrics_page page;
  page.gauge("a", "A.", {{"x", "1"}}, std::int64_t{1});
  page.gauge("b", "B.", {}, std::int64_t{1});
  page.gauge("a", "A.", {{"x", "2"}}, std::int64_t{1});
  EXPECT_THAT(metric_rules::complaints_about(page.text()), IsEmpty());
}

TEST(MetricsPage, EscapesWhatALabelHolds) {
  metrics_page page;
  page.gauge("a", "A \\ with\na line.", {{"x", "q\" b\\ n\n {c=\"d\"},"}}, std::int64_t{1});
  EXPECT_EQ(page.text(), "# HELP a A \\\\ with\\na line.\n# TYPE a gauge\n"
                         "a{x=\"q\\\" b\\\\ n\\n {c=\\\"d\\\"},\"} 1\n");
  EXPECT_THAT(metric_rules::complaints_about(page.text()), IsEmpty());
}

TEST(MetricsPage, KeepsEachSeriesOnce) {
  metrics_page page;
  page.gauge("a", "A.", {{"x", "1"}}, std::int64_t{1});
  page.gauge("a", "A.", {{"x", "1"}}, std::int64_t{2});
  EXPECT_THAT(page.text(), HasSubstr("a{x=\"1\"} 1\n"));
  EXPECT_THAT(page.text(), Not(HasSubstr("} 2\n")));
}

TEST(MetricsPage, CountsWhatABucketAndThoseBeforeItHold) {
  metrics_page page;
  page.histogram("a_seconds", "A.", {{"x", "1"}}, {{0.5, 2}, {1, 0}, {infinity, 3}}, 9.75);
  EXPECT_THAT(page.text(), HasSubstr("# TYPE a_seconds histogram\n"
                                     "a_seconds_bucket{x=\"1\",le=\"0.5\"} 2\n"
                                     "a_seconds_bucket{x=\"1\",le=\"1\"} 2\n"
                                     "a_seconds_bucket{x=\"1\",le=\"+Inf\"} 5\n"
                                     "a_seconds_sum{x=\"1\"} 9.75\n"
                                     "a_seconds_count{x=\"1\"} 5\n"));
  EXPECT_THAT(metric_rules::complaints_about(page.text()), IsEmpty());
}

TEST(MetricsPage, WritesNumbersThatAScraperReads) {
  metrics_page page;
  page.gauge("a", "A.", {}, 1e300);
  page.gauge("b", "B.", {}, 1e-9);
  page.gauge("c", "C.", {}, infinity);
  page.gauge("d", "D.", {}, -infinity);
  page.gauge("e", "E.", {}, std::nan(""));
  EXPECT_THAT(page.text(), HasSubstr("\nc +Inf\n"));
  EXPECT_THAT(page.text(), HasSubstr("\nd -Inf\n"));
  EXPECT_THAT(page.text(), HasSubstr("\ne NaN\n"));
  EXPECT_THAT(metric_rules::complaints_about(page.text()), IsEmpty());
}

TEST(MetricsPage, NamesMetricsAsPrometheusDoes) {
  EXPECT_EQ(metric_name("starling_gossip.log-bytes"), "starling_gossip_log_bytes");
}

TEST(MetricRules, FindWhatIsWrong) {
  const std::string good = "# HELP a A.\n# TYPE a gauge\na 1\n";
  EXPECT_THAT(metric_rules::complaints_about(good), IsEmpty());
  for (const std::string bad : {
           "# HELP a A.\n# TYPE a gauge\na 1 1700000000000\n",
           "# HELP a A.\n# TYPE a gauge\na{x=\"\"\"} 1\n",
           "# HELP a A.\n# TYPE a gauge\na{x=\"\\\"} 1\n",
           "# HELP a A.\n# TYPE a gauge\na 1\na 1\n",
           "# HELP a_total A.\n# TYPE a_total gauge\na_total 1\n",
           "# HELP a A.\n# TYPE a counter\na 1\n",
           "# HELP a_milliseconds A.\n# TYPE a_milliseconds gauge\na_milliseconds 1\n",
           "# HELP a Of those, the ones.\n# TYPE a gauge\na 1\n",
           "# HELP a A.\na 1\n",
           "# TYPE a gauge\na 1\n",
           "# HELP a A.\n# TYPE a gauge\nb 1\n",
           "# HELP a A.\n# TYPE a histogram\na_sum 1\na_count 1\n",
           "# HELP a A.\n# TYPE a gauge\na 1",
       })
    EXPECT_THAT(metric_rules::complaints_about(bad), Not(IsEmpty())) << bad;
  EXPECT_THAT(metric_rules::complaints_about(good + "# HELP b B.\n# TYPE b gauge\nb 1\n" + good),
              Not(IsEmpty()));
}

} // namespace
} // namespace starling::http
