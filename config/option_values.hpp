#pragma once

// Between options and CAF's settings, which hold what a file said.

#include "config/option_table.hpp"

#include <caf/settings.hpp>

#include <string>
#include <vector>

namespace starling::config {

/// What is wrong, one sentence each.
using complaints = std::vector<std::string>;

/// Reads each option that is set; complains about those with a bad value.
complaints read(options& o, const caf::settings& from);

} // namespace starling::config
