#include "actors/option_text.hpp"

#include "actors/option_table.hpp"

#include <caf/config_value.hpp>
#include <caf/expected.hpp>
#include <caf/timespan.hpp>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace starling::actors {

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

} // namespace

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
    auto read = value_from<plain_type<type>>(text);
    const auto wrong = read ? complaint_about(*read, rule) : must_be(rule);
    if (wrong)
      complaint = fmt::format("{} {}", name, *wrong);
    else
      value = static_cast<type>(std::move(*read));
  });
  return complaint;
}

} // namespace starling::actors
