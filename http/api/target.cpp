#include "http/api/target.hpp"

#include "wire/utf8.hpp"

#include <algorithm>
#include <charconv>

namespace starling::http {

namespace {

std::optional<std::string> decode(std::string_view escaped, char plus) {
  std::string result;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    if (escaped[i] != '%') {
      result.push_back(escaped[i] == '+' ? plus : escaped[i]);
      continue;
    }
    const auto digits = escaped.substr(i + 1, 2);
    const auto* end = digits.data() + digits.size();
    unsigned char byte = 0;
    if (digits.size() != 2 || std::from_chars(digits.data(), end, byte, 16).ptr != end)
      return std::nullopt;
    result.push_back(static_cast<char>(byte));
    i += 2;
  }
  if (!wire::is_utf8(result))
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
    auto segment = decode(raw, '+');
    if (!segment)
      return std::nullopt;
    path.push_back(std::move(*segment));
    rest.remove_prefix(raw.size());
  }
  return path;
}

std::optional<std::vector<std::pair<std::string, std::string>>>
parameters_of(std::string_view target) {
  std::vector<std::pair<std::string, std::string>> result;
  auto rest = target.substr(std::min(target.find('?'), target.size()));
  if (rest.size() <= 1)
    return result;
  while (!rest.empty()) {
    rest.remove_prefix(1); // the '?' or '&'
    const auto raw = rest.substr(0, rest.find('&'));
    if (raw.empty()) // as behind the last & of "a=1&"
      continue;
    const auto middle = raw.find('=');
    if (middle == std::string_view::npos)
      return std::nullopt;
    auto name = decode(raw.substr(0, middle), ' ');
    auto value = decode(raw.substr(middle + 1), ' ');
    if (!name || !value)
      return std::nullopt;
    result.emplace_back(std::move(*name), std::move(*value));
    rest.remove_prefix(raw.size());
  }
  return result;
}

} // namespace starling::http
