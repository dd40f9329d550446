#include "config/option_values.hpp"

#include "config/option_text.hpp"

#include <caf/config_value.hpp>
#include <caf/expected.hpp>
#include <caf/timespan.hpp>
#include <spdlog/fmt/fmt.h>

#include <optional>
#include <utility>

namespace starling::config {

namespace {

/// Reads a value from what CAF parsed; nothing if it is of another type.
template <class T>
std::optional<T> convert(const caf::config_value& from) {
  if (caf::holds_alternative<caf::settings>(from))
    return std::nullopt; // CAF would turn a group into a string
  if constexpr (std::is_same_v<T, std::string>) {
    if (caf::holds_alternative<caf::config_value::list>(from))
      return std::nullopt;
  }
  if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    if (const auto* text = caf::get_if<std::string>(&from))
      return list_from(*text);
  }
  if constexpr (std::is_same_v<T, std::chrono::milliseconds>) {
    const auto value = caf::get_as<caf::timespan>(from);
    return value ? std::optional{std::chrono::floor<T>(*value)} : std::nullopt;
  } else {
    auto value = caf::get_as<T>(from);
    return value ? std::optional{std::move(*value)} : std::nullopt;
  }
}

} // namespace

complaints read(options& o, const caf::settings& from) {
  complaints bad;
  visit_options(o, [&](std::string_view name, auto& value, const auto& rule, std::string_view) {
    const auto* given = caf::get_if(&from, caf::string_view{name.data(), name.size()});
    if (given == nullptr)
      return;
    using type = std::decay_t<decltype(value)>;
    if (const auto* text = caf::get_if<std::string>(given); text != nullptr && is_too_long(*text))
      if (auto complaint = assign(o, name, *text)) { // CAF would overflow
        bad.push_back(std::move(*complaint));
        return;
      }
    auto converted = convert<plain_type<type>>(*given);
    if (!converted) {
      bad.push_back(fmt::format("{} {}", name, must_be(rule)));
      return;
    }
    if (const auto complaint = complaint_about(*converted, rule))
      bad.push_back(fmt::format("{} {}", name, *complaint));
    else
      value = static_cast<type>(std::move(*converted));
  });
  return bad;
}

} // namespace starling::config
