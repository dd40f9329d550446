#include "crdt/key_query.hpp"

#include <algorithm>

namespace starling::crdt {

bool key_range::contains(const key& k) const {
  return k.type == first.type && k.name.starts_with(prefix);
}

std::vector<key_range> ranges_of(const key_query& q) {
  std::vector<key_range> result;
  for (const auto t : types::ids) {
    if (q.type.value_or(t) != t || (q.after && q.after->type > t))
      continue;
    key first{t, q.prefix};
    // No name lies between one and the same with a zero byte.
    if (q.after && q.after->type == t)
      first.name = std::max(q.prefix, q.after->name + '\0');
    result.push_back({std::move(first), q.prefix});
  }
  return result;
}

key_page merged(const std::vector<std::vector<key>>& found, std::size_t limit) {
  key_page result;
  for (const auto& some : found)
    result.keys.insert(result.keys.end(), some.begin(), some.end());
  std::sort(result.keys.begin(), result.keys.end());
  result.more = result.keys.size() > limit;
  result.keys.resize(std::min(limit, result.keys.size()));
  return result;
}

} // namespace starling::crdt
