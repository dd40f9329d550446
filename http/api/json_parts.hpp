#pragma once

// Putting JSON together, with a space after each ':' and ','.

#include "http/api/json_text.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace starling::http {

/// Joins JSON texts with commas.
template <class Range, class Write>
std::string list(char open, const Range& items, char close, Write write) {
  std::string out{open};
  for (const auto& item : items) {
    if (out.size() > 1)
      out += ", ";
    out += write(item);
  }
  out += close;
  return out;
}

inline std::string member(std::string_view name, std::string_view json) {
  return quote(name).append(": ").append(json);
}

inline std::string object(const std::vector<std::string>& members) {
  return list('{', members, '}', [](const std::string& x) { return x; });
}

/// A boolean.
inline std::string_view to_text(bool claim) {
  return claim ? "true" : "false";
}

} // namespace starling::http
