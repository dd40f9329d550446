#pragma once

// JSON as text (RFC 8259). Requests are read, and replies written, without ever turning a value
// into something else: a number keeps its last digit, and a member that is given twice is seen
// twice.
//
// `check_json` is the gate: everything else here reads only text that has passed it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::http {

/// How deep objects and arrays may nest.
inline constexpr std::size_t json_depth_max = 32;

struct json_error {
  std::string what;
  std::size_t position = 0; // bytes before the place where it was noticed
};

/// Why this is not one JSON text in UTF-8, or nothing if it is. White space around it is fine.
std::optional<json_error> check_json(std::string_view text);

struct json_member {
  std::string name; // decoded
  std::string_view value;
};

/// The members of an object in the order of the text, or nothing if this is no object.
/// Requires: checked text, here and below.
std::optional<std::vector<json_member>> members_of(std::string_view text);

/// The elements of an array, or nothing if this is no array.
std::optional<std::vector<std::string_view>> elements_of(std::string_view text);

/// The decoded string, or nothing if this is no string.
std::optional<std::string> string_of(std::string_view text);

/// Whether this is a number without fraction and exponent, and nothing else. Any text.
bool is_integer(std::string_view text);

/// The same text without white space outside of strings.
std::string compact(std::string_view text);

/// Text as a JSON string. UTF-8 stays as it is.
std::string quote(std::string_view text);
void append_quoted(std::string& out, std::string_view text);

} // namespace starling::http
