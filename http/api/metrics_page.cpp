#include "http/api/metrics_page.hpp"

#include <cctype>
#include <charconv>
#include <cmath>

namespace starling::http {

namespace {

std::string escaped(std::string_view text, bool with_quotes) {
  std::string result;
  for (const char c : text) {
    if (c == '\\')
      result += "\\\\";
    else if (c == '\n')
      result += "\\n";
    else if (c == '"' && with_quotes)
      result += "\\\"";
    else
      result.push_back(c);
  }
  return result;
}

std::string to_text(double value) {
  if (std::isnan(value))
    return "NaN";
  if (std::isinf(value))
    return value > 0 ? "+Inf" : "-Inf";
  char text[64];
  const auto [end, error] = std::to_chars(text, text + sizeof text, value);
  return {text, end};
}

} // namespace

void metrics_page::gauge(std::string_view name, std::string_view help, const labels& with,
                         double value) {
  add(find(name, "gauge", help), name, with, to_text(value));
}

void metrics_page::gauge(std::string_view name, std::string_view help, const labels& with,
                         std::int64_t value) {
  add(find(name, "gauge", help), name, with, std::to_string(value));
}

void metrics_page::counter(std::string_view name, std::string_view help, const labels& with,
                           double value) {
  add(find(name, "counter", help), name, with, to_text(value));
}

void metrics_page::counter(std::string_view name, std::string_view help, const labels& with,
                           std::int64_t value) {
  add(find(name, "counter", help), name, with, std::to_string(value));
}

void metrics_page::histogram(std::string_view name, std::string_view help, const labels& with,
                             const std::vector<bucket>& buckets, double sum) {
  auto& to = find(name, "histogram", help);
  const std::string base{name};
  std::int64_t count = 0;
  for (const auto& one : buckets) {
    count += one.count;
    auto all = with;
    const auto bound = to_text(one.upper_bound);
    all.emplace_back("le", bound);
    add(to, base + "_bucket", all, std::to_string(count));
  }
  add(to, base + "_sum", with, to_text(sum));
  add(to, base + "_count", with, std::to_string(count));
}

std::string metrics_page::text() const {
  std::string result;
  for (const auto& [name, one] : families_) {
    result += "# HELP " + name + ' ' + escaped(one.help, false) + '\n';
    result += "# TYPE " + name + ' ' + std::string{one.type} + '\n';
    result += one.samples;
  }
  return result;
}

metrics_page::family& metrics_page::find(std::string_view name, std::string_view type,
                                         std::string_view help) {
  const auto found = families_.find(name);
  if (found != families_.end())
    return found->second;
  return families_.emplace(name, family{type, std::string{help}, {}, {}}).first->second;
}

void metrics_page::add(family& to, std::string_view name, const labels& with,
                       const std::string& value) {
  std::string series{name};
  char separator = '{';
  for (const auto& [label, content] : with) {
    series.append(1, separator).append(label).append("=\"").append(escaped(content, true)) += '"';
    separator = ',';
  }
  if (!with.empty())
    series += '}';
  if (to.series.insert(series).second)
    to.samples.append(series).append(" ").append(value) += '\n';
}

std::string metric_name(std::string_view dotted) {
  std::string result{dotted};
  for (auto& c : result)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0)
      c = '_';
  return result;
}

} // namespace starling::http
