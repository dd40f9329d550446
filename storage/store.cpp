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

wire::possible<failure> snapshot::find_all(const std::vector<std::string>& names,
                                           const finder& see) const {
  for (std::size_t at = 0; at < names.size(); ++at) {
    const auto row = find(names[at]);
    if (!row)
      return row.error();
    if (const auto& value = *row)
      see(at, *value);
  }
  return std::nullopt;
}

} // namespace starling::storage
