#pragma once

// The fields of a request's head, as they came over the wire. Names are compared without case; a
// field may be there several times.

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>
#include <vector>

namespace starling::http {

struct field {
  std::string_view name;
  std::string_view value;
};

using fields = std::vector<field>;

inline std::string to_lower(std::string_view text) {
  std::string result{text};
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return std::tolower(c); });
  return result;
}

/// The text without the white space around it.
inline std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos)
    return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// The values of all fields of that name, which is given in lower case.
inline std::vector<std::string_view> values_of(const fields& all, std::string_view name) {
  std::vector<std::string_view> result;
  for (const auto& one : all)
    if (to_lower(one.name) == name)
      result.push_back(one.value);
  return result;
}

} // namespace starling::http
