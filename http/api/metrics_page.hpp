#pragma once

// A page in Prometheus' text format: families of samples, with what a scraper relies on.
//
// A scraper drops the whole page for one line that it cannot read, or for one series that is there
// twice. So the page escapes what labels and help texts hold, keeps each series once, and keeps the
// samples of a family together. Samples carry no time: with one, a series of a node that is gone
// would be taken for a present one for minutes.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace starling::http {

class metrics_page {
public:
  using labels = std::vector<std::pair<std::string_view, std::string_view>>;

  /// Adds a sample. Of several for one series the first stays, and so do type and help of the
  /// first of a family. Requires: a legal name.
  void gauge(std::string_view name, std::string_view help, const labels& with, double value);
  void gauge(std::string_view name, std::string_view help, const labels& with, std::int64_t value);
  void counter(std::string_view name, std::string_view help, const labels& with, double value);
  void counter(std::string_view name, std::string_view help, const labels& with,
               std::int64_t value);

  struct bucket {
    double upper_bound;
    std::int64_t count; // of what is in no bucket before
  };

  /// Adds a histogram. Requires: bounds ascend, the last one is infinite.
  void histogram(std::string_view name, std::string_view help, const labels& with,
                 const std::vector<bucket>& buckets, double sum);

  std::string text() const;

private:
  struct family {
    std::string_view type;
    std::string help;
    std::string samples;
    std::set<std::string> series;
  };

  family& find(std::string_view name, std::string_view type, std::string_view help);
  static void add(family& to, std::string_view name, const labels& with, const std::string& value);

  std::map<std::string, family, std::less<>> families_;
};

/// What Prometheus calls a metric whose parts are separated by points and dashes.
std::string metric_name(std::string_view dotted);

} // namespace starling::http
