#include "storage/reading.hpp"

#include "storage/event_index.hpp"
#include "storage/lost_keys.hpp"

#include <algorithm>

namespace starling::storage {

namespace {

failure corrupted(std::string_view what, const crdt::key& key) {
  return {trouble::corrupted, std::string{what} + " of " + std::string{to_string(key.type)} + " " +
                                  key.name + " is not what was written"};
}

/// Nothing without a row.
found<std::optional<head>> read_head(const snapshot& at, const crdt::key& key) {
  auto row = at.find(head_name(key));
  if (!row)
    return std::move(row).error();
  const auto& bytes = *row;
  if (!bytes)
    return std::optional<head>{};
  auto result = decode_head(key.type, *bytes);
  if (!result && is_of_newer_format(key.type, *bytes))
    return failure{trouble::unknown, std::string{to_string(key.type)} + " " + key.name +
                                         " is in a format that this version does not know"};
  if (!result)
    return corrupted("the head", key);
  return result;
}

/// Shows the rows of a value with such a state, from one on, until `see` says false.
template <crdt::has_member_rows State, class Visitor>
wire::possible<failure> scan_rows(const snapshot& at, const crdt::key& key,
                                  const std::string& first, const crdt::causal_context& seen,
                                  Visitor see) {
  bool is_sound = true;
  const auto failed =
      at.scan(first, members_between(key).second, [&](std::string_view name, std::string_view row) {
        auto member = member_of(key, name);
        auto content = State::decode_row(row);
        is_sound = member && content && State::fits(*content, seen);
        return is_sound && see(std::move(*member), std::move(*content));
      });
  if (failed)
    return failed;
  if (!is_sound)
    return corrupted("a member", key);
  return std::nullopt;
}

/// All rows of a value of a type.
template <class Type>
found<crdt::any_rows> read_all_rows(const snapshot& at, const crdt::key& key, const head& kept) {
  using state = typename Type::state;
  crdt::rows_of<Type> result;
  if (auto failed = scan_rows<state>(
          at, key, members_between(key).first, kept.value.as<state>().seen(),
          [&](crdt::payload member, typename state::row row) {
            result.map.emplace_hint(result.map.end(), std::move(member), std::move(row));
            return true;
          }))
    return std::move(*failed);
  return crdt::any_rows{std::move(result)};
}

/// The same of any value; none of one that has no rows.
found<crdt::any_rows> read_all_rows(const snapshot& at, const crdt::key& key, const head& kept) {
  if (!crdt::has_rows(key.type))
    return crdt::any_rows{};
  return crdt::visit_with_rows(key.type, [&](auto which) {
    return read_all_rows<typename decltype(which)::type>(at, key, kept);
  });
}

/// Adds the members that events hold, as the index says.
wire::possible<failure> find_members(const snapshot& at, const crdt::key& key, bool live,
                                     const crdt::causal_context& wanted,
                                     std::vector<crdt::payload>& into) {
  for (const auto& [replica, events] : wanted.replicas())
    for (const auto& some : events.intervals()) {
      const auto [begin, end] = index_between(key, live, replica, some);
      bool is_sound = true;
      const auto failed = at.scan(begin, end, [&](std::string_view name, std::string_view row) {
        const auto first = first_event_of(key, name);
        const auto held = read_index(row);
        is_sound = first && held;
        for (std::size_t i = 0; is_sound && i < held->size(); ++i) {
          const auto& [place, bytes] = (*held)[i];
          if (*first + place < some.first || *first + place > some.last)
            continue;
          auto member = decode_member(bytes);
          is_sound = member.has_value();
          if (is_sound)
            into.push_back(std::move(*member));
        }
        return is_sound;
      });
      if (failed)
        return failed;
      if (!is_sound)
        return corrupted("the index", key);
    }
  return std::nullopt;
}

} // namespace

found<std::optional<held_value>> read_value(const snapshot& at, const crdt::key& key,
                                            std::uint64_t whole_bytes,
                                            const replication::digester& digests) {
  auto row = read_head(at, key);
  if (!row)
    return std::move(row).error();
  auto& kept = *row;
  if (!kept)
    return std::optional<held_value>{};
  if (crdt::has_rows(key.type) && kept->footprint > whole_bytes)
    return std::optional{held_value{key, std::move(*kept)}};
  auto rows = read_all_rows(at, key, *kept);
  if (!rows)
    return std::move(rows).error();
  held_value result{key, std::move(*kept), *std::move(rows)};
  if (result.digest() != digests.digest_of(key, result.value()))
    return corrupted("the value", key);
  return std::optional{std::move(result)};
}

found<std::optional<crdt::value>> read_unchecked(const snapshot& at, const crdt::key& key) {
  auto row = read_head(at, key);
  if (!row)
    return std::move(row).error();
  auto& kept = *row;
  if (!kept)
    return std::optional<crdt::value>{};
  auto rows = read_all_rows(at, key, *kept);
  if (!rows)
    return std::move(rows).error();
  if (!crdt::has_rows(key.type))
    return std::move(kept->value);
  return crdt::with_rows(kept->value, *std::move(rows));
}

found<some_rows> read_rows(const snapshot& at, const crdt::key& key, const wanted_rows& wanted) {
  some_rows result{wanted.members, {}};
  for (const bool live : {true, false})
    if (auto failed = find_members(at, key, live, live ? wanted.live : wanted.dead, result.asked))
      return std::move(*failed);
  if (result.asked.size() > wanted.members.size()) {
    std::ranges::sort(result.asked);
    result.asked.erase(std::unique(result.asked.begin(), result.asked.end()), result.asked.end());
  }
  std::vector<std::string> names;
  names.reserve(result.asked.size());
  row_names name{key};
  for (const auto& member : result.asked)
    names.emplace_back(name.member(member));
  return crdt::visit_with_rows(key.type, [&](auto which) -> found<some_rows> {
    using type = typename decltype(which)::type;
    crdt::rows_of<type> rows;
    bool is_sound = true;
    const auto failed = at.find_all(names, [&](std::size_t i, std::string_view bytes) {
      auto row = type::state::decode_row(bytes);
      is_sound = is_sound && row;
      if (is_sound)
        rows.map.emplace_hint(rows.map.end(), result.asked[i], std::move(*row));
    });
    if (failed)
      return *failed;
    if (!is_sound)
      return corrupted("a member", key);
    result.rows = std::move(rows);
    return std::move(result);
  });
}

found<std::optional<crdt::view>> read_page(const snapshot& at, const crdt::key& key,
                                           const crdt::member_page& wanted) {
  auto row = read_head(at, key);
  if (!row)
    return std::move(row).error();
  const auto& kept = *row;
  if (!kept)
    return std::optional<crdt::view>{};
  auto first = member_name(key, {crdt::payload_kind::text, wanted.after.value_or("")});
  if (wanted.after)
    first += '\0';
  return crdt::visit_with_rows(key.type, [&](auto which) -> found<std::optional<crdt::view>> {
    using type = typename decltype(which)::type;
    using state = typename type::state;
    // As many as the page shows, and one to know whether there are more.
    crdt::rows_of<type> rows;
    auto& map = rows.map;
    const auto failed =
        scan_rows<state>(at, key, first, kept->value.as<state>().seen(),
                         [&](crdt::payload member, typename state::row content) {
                           if (member.kind != crdt::payload_kind::text)
                             return false;
                           if (state::is_live(content))
                             map.emplace_hint(map.end(), std::move(member), std::move(content));
                           return map.size() <= wanted.limit;
                         });
    if (failed)
      return *failed;
    auto seen = crdt::view_of(crdt::with_rows(kept->value, std::move(rows)), wanted);
    crdt::tell_cardinality(seen, key.type, kept->members);
    return std::optional{std::move(seen)};
  });
}

found<std::optional<std::vector<crdt::key>>> list_keys(const snapshot& at,
                                                       const crdt::key_query& q) {
  auto known = read_lost_keys(at);
  if (!known)
    return std::move(known).error();
  const auto& lost = *known;
  std::vector<crdt::key> result;
  for (const auto& range : crdt::ranges_of(q)) {
    if (result.size() >= q.limit)
      break;
    bool is_sound = true;
    const auto first = listed_name(range.first);
    auto end = listed_between(range.first.type, range.prefix).second;
    const auto failed = at.scan(first, end, [&](std::string_view name, std::string_view) {
      auto key = key_of_listed(name);
      is_sound = key.has_value();
      if (is_sound)
        result.push_back(std::move(*key));
      return is_sound && result.size() < q.limit;
    });
    if (failed)
      return *failed;
    if (!is_sound)
      return failure{trouble::corrupted, "the list of keys is not what was written"};
    if (result.size() >= q.limit)
      end = listed_name(result.back());
    if (lost.touch(first, end))
      return std::nullopt;
  }
  return result;
}

found<digests_page> read_digests(const snapshot& at, const std::optional<crdt::key>& after,
                                 std::size_t limit) {
  auto [first, end] = all_heads();
  if (after)
    first = head_name(*after) + '\0';
  digests_page result;
  std::uint64_t unknown = 0; // since the last key
  bool is_sound = true;
  const auto failed = at.scan(first, end, [&](std::string_view name, std::string_view row) {
    auto key = key_of_head(name);
    const auto digest = digest_of_head(row);
    is_sound = key && digest;
    if (is_sound && crdt::is_known(key->type) && !is_of_newer_format(key->type, row)) {
      result.keys.emplace_back(std::move(*key), *digest);
      result.unknown += std::exchange(unknown, 0);
    } else {
      ++unknown;
    }
    return is_sound && result.keys.size() < limit;
  });
  if (failed)
    return *failed;
  if (!is_sound)
    return failure{trouble::corrupted, "a head is not what was written"};
  if (result.keys.empty()) // behind the last key the next page begins
    result.unknown = unknown;
  return result;
}

} // namespace starling::storage
