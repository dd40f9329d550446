#pragma once

// The value of an option as plain text, the way a flag or a variable of the environment gives it.
//
//     numbers    64
//     periods    200ms, 5s, 1min, 1h, as in a file
//     texts      any text, as it is
//     lists      a:1,b:2 or ["a:1", "b:2"], as in a file; an empty text is the empty list
//     flags      true or false

#include "config/options.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::config {

/// The items of a list; nothing if that is no list.
std::optional<std::vector<std::string>> list_from(std::string_view text);

/// Whether this is a duration with its unit that no clock of ours can hold.
bool is_too_long(std::string_view duration);

/// Sets the option of that name; what is wrong if this is no value for it, without repeating a
/// text that may be a key. Requires: there is such an option.
std::optional<std::string> assign(options& o, std::string_view name, const std::string& text);

} // namespace starling::config
