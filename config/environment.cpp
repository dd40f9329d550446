#include "config/environment.hpp"

#include "config/option_table.hpp"

#include <algorithm>
#include <cctype>

namespace starling::config {

namespace {

constexpr std::string_view prefix = "STARLING_";
constexpr std::string_view config_file = "STARLING_CONFIG_FILE";

// What this program and its workshop say to themselves.
constexpr std::string_view own[] = {"STARLING_STARTED_AGAIN", "STARLING_CACHE", "STARLING_LIVES"};

/// What Kubernetes and Docker make of a service whose name begins with ours: the address of a port.
bool is_of_a_service(std::string_view name) {
  return name.ends_with("_SERVICE_HOST") || name.find("_SERVICE_PORT") != std::string_view::npos ||
         name.ends_with("_PORT") || name.find("_PORT_") != std::string_view::npos;
}

} // namespace

environment environment_of(char** all) {
  environment result;
  for (; all != nullptr && *all != nullptr; ++all) {
    const std::string_view one{*all};
    const auto assignment = one.find('=');
    if (one.starts_with(prefix) && assignment != std::string_view::npos)
      result.emplace(one.substr(0, assignment), one.substr(assignment + 1));
  }
  return result;
}

std::string variable_of(std::string_view option) {
  std::string result{prefix};
  for (const unsigned char c : option)
    result.push_back(c == '.' || c == '-' ? '_' : static_cast<char>(std::toupper(c)));
  return result;
}

std::vector<std::pair<std::string, std::string>> settings_of(const environment& all) {
  std::vector<std::pair<std::string, std::string>> result;
  options any;
  visit_options(any, [&](std::string_view name, auto&, const auto&, std::string_view) {
    if (const auto found = all.find(variable_of(name));
        found != all.end() && !found->second.empty())
      result.emplace_back(name, found->second);
  });
  return result;
}

std::optional<std::string> config_file_of(const environment& all) {
  const auto found = all.find(config_file);
  return found == all.end() || found->second.empty() ? std::nullopt : std::optional{found->second};
}

std::vector<std::string> strangers_in(const environment& all) {
  std::vector<std::string> known{std::string{config_file}};
  known.insert(known.end(), std::begin(own), std::end(own));
  options any;
  visit_options(any, [&](std::string_view name, auto&, const auto&, std::string_view) {
    known.push_back(variable_of(name));
  });
  std::vector<std::string> result;
  for (const auto& [name, value] : all)
    if (std::ranges::find(known, name) == known.end() && !is_of_a_service(name))
      result.push_back(name);
  return result;
}

} // namespace starling::config
