#include "config/option_table.hpp"

#include "membership/endpoint.hpp"
#include "membership/member.hpp"
#include "system/log.hpp"

#include <algorithm>

namespace starling::config {

using namespace std::chrono_literals;
using milliseconds = std::chrono::milliseconds;

// --- what is allowed -------------------------------------------------------------------------

namespace {

bool is_printable(std::string_view s) {
  return std::ranges::all_of(s, [](char c) { return c >= ' ' && c <= '~'; });
}

} // namespace

bool is_member_name(std::string_view s) {
  return s.size() <= membership::name_bytes_max && is_printable(s);
}

bool is_cluster_name(std::string_view s) {
  return !s.empty() && is_member_name(s);
}

bool is_endpoint(std::string_view s) {
  return membership::parse_endpoint(s).has_value();
}

bool is_reachable(std::string_view s) {
  const auto where = membership::parse_endpoint(s);
  return where && !membership::is_wildcard(*where);
}

bool is_reachable_or_empty(std::string_view s) {
  return s.empty() || is_reachable(s);
}

bool is_key(std::string_view s) {
  return s.empty() || s.size() >= key_bytes_min;
}

bool is_durability(std::string_view s) {
  return s == "sync" || s == "batch" || s == "none";
}

bool is_log_level(std::string_view s) {
  return log::is_level(s);
}

bool is_anything(std::string_view) {
  return true;
}

// --- in words --------------------------------------------------------------------------------

namespace {

std::string describe(milliseconds t) {
  if (t % 1h == 0ms && t != 0ms)
    return fmt::format("{}h", t / 1h);
  if (t % 1min == 0ms && t != 0ms)
    return fmt::format("{}min", t / 1min);
  return t % 1s == 0ms ? fmt::format("{}s", t / 1s) : fmt::format("{}ms", t / 1ms);
}

} // namespace

std::string describe(const number& r) {
  return fmt::format("{} to {} {}", r.least, r.most, r.unit);
}

std::string describe(const period& r) {
  return fmt::format("{} to {}", describe(r.least), describe(r.most));
}

std::string describe(const text& r) {
  return std::string{r.what};
}

std::string describe(const texts& r) {
  return fmt::format(R"(list of {}, as a:1,b:2 or ["a:1", "b:2"])", r.what);
}

std::string describe(const flag&) {
  return "true or false";
}

std::string show(std::size_t x) {
  return std::to_string(x);
}

std::string show(milliseconds x) {
  return describe(x);
}

std::string show(const std::string& x) {
  return fmt::format("\"{}\"", x);
}

std::string show(bool x) {
  return x ? "true" : "false";
}

std::string show(const std::vector<std::string>&) {
  return "[]"; // no list has another default
}

std::string must_be(const period& rule) {
  return fmt::format("must be {}, with its unit: ms, s, min or h", describe(rule));
}

std::string must_be(const texts& rule) {
  return "must be a " + describe(rule);
}

// --- complaints ------------------------------------------------------------------------------

std::optional<std::string> complaint_about(std::size_t value, const number& rule) {
  if (value >= rule.least && value <= rule.most)
    return std::nullopt;
  return fmt::format("must be {}, not {}", describe(rule), value);
}

std::optional<std::string> complaint_about(milliseconds value, const period& rule) {
  if (value >= rule.least && value <= rule.most)
    return std::nullopt;
  return fmt::format("must be {}, not {}", describe(rule), describe(value));
}

std::optional<std::string> complaint_about(const std::string& value, const text& rule) {
  if (rule.allows(value))
    return std::nullopt;
  return fmt::format("must be {}", describe(rule));
}

std::optional<std::string> complaint_about(const std::vector<std::string>& value,
                                           const texts& rule) {
  for (const auto& item : value)
    if (!rule.allows(item))
      return fmt::format("{}; \"{}\" is no {}", must_be(rule), item, rule.what);
  return std::nullopt;
}

std::optional<std::string> complaint_about(bool, const flag&) {
  return std::nullopt;
}

} // namespace starling::config
