#include "storage/store.hpp"

namespace starling::storage {

std::string_view to_string(trouble t) {
  switch (t) {
  case trouble::full:
    return "full";
  case trouble::read_only:
    return "read-only";
  case trouble::corrupted:
    return "corrupted";
  case trouble::missing:
    return "missing";
  case trouble::unknown:
    return "unknown";
  case trouble::unread:
    return "unread";
  case trouble::broken:
    break;
  }
  return "broken";
}

std::vector<batch::change> batch::changes() const {
  std::vector<change> result;
  result.reserve(sizes_.size());
  for_each([&](const change& one) {
    result.push_back(one);
    return true;
  });
  return result;
}

std::optional<failure> moment::find_all(const std::vector<std::string>& names,
                                        const finder& see) const {
  for (std::size_t at = 0; at < names.size(); ++at) {
    const auto row = find(names[at]);
    if (const auto* why = std::get_if<failure>(&row))
      return *why;
    if (const auto& value = std::get<std::optional<std::string>>(row))
      see(at, *value);
  }
  return std::nullopt;
}

} // namespace starling::storage
