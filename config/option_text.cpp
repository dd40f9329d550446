#include "config/option_text.hpp"

#include "config/option_table.hpp"

#include <caf/config_value.hpp>
#include <caf/expected.hpp>
#include <caf/timespan.hpp>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <iterator>
#include <utility>

namespace starling::config {

namespace {

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos)
    return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

/// What CAF makes of a text in the syntax of its files.
template <class T>
std::optional<T> read_as_file(const std::string& text) {
  auto result = caf::get_as<T>(caf::config_value{text});
  return result ? std::optional{std::move(*result)} : std::nullopt;
}

template <class T>
std::optional<T> value_from(const std::string& text) {
  if constexpr (std::is_same_v<T, std::string>) {
    return text;
  } else if constexpr (std::is_same_v<T, bool>) {
    return text == "true" || text == "false" ? std::optional{text == "true"} : std::nullopt;
  } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    return list_from(text);
  } else if constexpr (std::is_same_v<T, std::chrono::milliseconds>) {
    const auto value = read_as_file<caf::timespan>(text);
    if (!value)
      return std::nullopt;
    return std::chrono::floor<std::chrono::milliseconds>(*value);
  } else {
    T result = 0;
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, result);
    return error == std::errc{} && stop == end ? std::optional{result} : std::nullopt;
  }
}

// Whether a text is a value that none of our types can hold.
bool is_beyond(std::string_view text, const period&) {
  return is_too_long(text);
}

bool is_beyond(std::string_view text, const number&) {
  std::uint64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc::result_out_of_range && stop == end;
}

bool is_beyond(std::string_view, const auto&) {
  return false;
}

} // namespace

bool is_too_long(std::string_view duration) {
  using seconds = std::chrono::duration<double>;
  constexpr std::pair<std::string_view, seconds> units[] = {
      {"ns", std::chrono::nanoseconds{1}},  {"us", std::chrono::microseconds{1}},
      {"ms", std::chrono::milliseconds{1}}, {"s", std::chrono::seconds{1}},
      {"min", std::chrono::minutes{1}},     {"h", std::chrono::hours{1}}};
  double count = 0;
  const auto* end = duration.data() + duration.size();
  const auto [stop, error] = std::from_chars(duration.data(), end, count);
  const auto* unit =
      std::ranges::find(units, std::string_view{stop, end}, [](const auto& u) { return u.first; });
  if (error == std::errc::invalid_argument || unit == std::end(units))
    return false;
  return error == std::errc::result_out_of_range ||
         std::abs(count) * unit->second > seconds{caf::timespan::max()};
}

std::optional<std::vector<std::string>> list_from(std::string_view text) {
  text = trim(text);
  if (text.starts_with('[')) // an address may do so, too
    if (auto items = read_as_file<std::vector<std::string>>(std::string{text}))
      return items;
  std::vector<std::string> result;
  while (!text.empty()) {
    const auto item = text.substr(0, text.find(','));
    result.emplace_back(trim(item));
    if (item.size() + 1 == text.size())
      return std::nullopt; // nothing behind the last comma
    text.remove_prefix(std::min(text.size(), item.size() + 1));
  }
  return result;
}

std::optional<std::string> assign(options& o, std::string_view name, const std::string& text) {
  std::optional<std::string> complaint;
  visit_options(o, [&](std::string_view one, auto& value, const auto& rule, std::string_view) {
    if (one != name)
      return;
    using type = std::decay_t<decltype(value)>;
    if (is_beyond(text, rule)) {
      complaint = fmt::format("{} must be {}, not {}", name, describe(rule), text);
      return;
    }
    auto read = value_from<plain_type<type>>(text);
    const auto wrong = read ? complaint_about(*read, rule) : must_be(rule);
    if (wrong)
      complaint = fmt::format("{} {}", name, *wrong);
    else
      value = static_cast<type>(std::move(*read));
  });
  return complaint;
}

} // namespace starling::config
