#include "http/target.hpp"

#include "http/json_text.hpp"

#include <charconv>

namespace starling::http {

namespace {

std::optional<std::string> decode_segment(std::string_view segment) {
  std::string result;
  for (std::size_t i = 0; i < segment.size(); ++i) {
    if (segment[i] != '%') {
      result.push_back(segment[i]);
      continue;
    }
    const auto digits = segment.substr(i + 1, 2);
    const auto* end = digits.data() + digits.size();
    unsigned char byte = 0;
    if (digits.size() != 2 || std::from_chars(digits.data(), end, byte, 16).ptr != end)
      return std::nullopt;
    result.push_back(static_cast<char>(byte));
    i += 2;
  }
  if (!is_utf8(result))
    return std::nullopt;
  return result;
}

} // namespace

std::optional<std::vector<std::string>> path_of(std::string_view target) {
  if (!target.starts_with('/'))
    return std::nullopt;
  auto rest = target.substr(0, target.find('?'));
  std::vector<std::string> path;
  while (!rest.empty()) {
    rest.remove_prefix(1); // the '/'
    const auto raw = rest.substr(0, rest.find('/'));
    auto segment = decode_segment(raw);
    if (!segment)
      return std::nullopt;
    path.push_back(std::move(*segment));
    rest.remove_prefix(raw.size());
  }
  return path;
}

} // namespace starling::http
