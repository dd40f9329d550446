#pragma once

// What is wrong with the text of a configuration file.
//
// CAF drops silently what it does not understand in a file: unknown names, values of another type,
// dotted names, whatever stands behind a bracket too many. Here each of these is found and named.

#include "config/option_values.hpp"

#include <caf/config_option_set.hpp>

#include <string>

namespace starling::config {

/// `caf_known` are CAF's own options, which may be set in the group `caf`.
complaints check_file(const std::string& content, const caf::config_option_set& caf_known);

/// The name of one of CAF's errors (caf::pec) as words.
std::string in_words(std::uint8_t code);

} // namespace starling::config
