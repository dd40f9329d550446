#pragma once

// Options from variables of the environment: STARLING_HTTP_LISTEN is http.listen, and
// STARLING_CONFIG_FILE the configuration file.
//
// An empty variable counts as none: that is what templates make of a value that nobody gave. An
// unknown variable is no error, since others write into the environment, too: Kubernetes adds
// STARLING_SERVICE_HOST and the like to every container beside a service of that name.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace starling::config {

/// Variables by name.
using environment = std::map<std::string, std::string, std::less<>>;

/// Those of a process that may concern this program, from its `environ`.
environment environment_of(char** all);

/// The variable for an option.
std::string variable_of(std::string_view option);

/// The options that are set, with their values as text.
std::vector<std::pair<std::string, std::string>> settings_of(const environment& all);

std::optional<std::string> config_file_of(const environment& all);

/// The variables that look like ones for an option, and have no effect.
std::vector<std::string> strangers_in(const environment& all);

} // namespace starling::config
