#pragma once

// Between options and CAF's settings, which hold what a file or flags said.

#include "actors/option_table.hpp"

#include <caf/settings.hpp>
#include <caf/timespan.hpp>

#include <string>
#include <vector>

namespace starling::actors {

/// What is wrong, one sentence each.
using complaints = std::vector<std::string>;

/// The type by which CAF knows a value of ours.
template <class T>
using caf_type = std::conditional_t<std::is_same_v<plain_type<T>, std::chrono::milliseconds>,
                                    caf::timespan, plain_type<T>>;

/// Reads each option that is set; complains about those with a bad value.
complaints read(options& o, const caf::settings& from);

} // namespace starling::actors
