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
found<std::optional<head>> read_head(const moment& at, const crdt::key& key) {
  auto row = at.find(head_name(key));
  if (auto* why = std::get_if<failure>(&row))
    return std::move(*why);
  const auto& bytes = std::get<std::optional<std::string>>(row);
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

/// Whether a clock can be one of a set that has seen this.
bool fits(const crdt::or_set::clock& clock, const crdt::causal_context& seen) {
  return std::ranges::all_of(clock, [&](const auto& e) {
    return e.live ? seen.contains({e.replica, e.number}) : e.number > seen.prefix(e.replica);
  });
}

/// Shows the rows of the members of a set from one on, until `see` says false.
template <class Visitor>
std::optional<failure> scan_members(const moment& at, const crdt::key& set,
                                    const std::string& first, const crdt::causal_context& seen,
                                    Visitor see) {
  bool is_sound = true;
  const auto failed =
      at.scan(first, members_between(set).second, [&](std::string_view name, std::string_view row) {
        auto member = member_of(set, name);
        auto clock = decode_clock(row);
        is_sound = member && clock && fits(*clock, seen);
        return is_sound && see(std::move(*member), std::move(*clock));
      });
  if (failed)
    return failed;
  if (!is_sound)
    return corrupted("a member", set);
  return std::nullopt;
}

/// All clocks of a set; none of another value.
found<crdt::or_set::clock_map> read_clocks(const moment& at, const crdt::key& key,
                                           const crdt::value& kept) {
  crdt::or_set::clock_map result;
  if (!crdt::has_rows(key.type))
    return result;
  if (auto failed =
          scan_members(at, key, members_between(key).first, kept.as<crdt::or_set>().seen(),
                       [&](crdt::payload member, crdt::or_set::clock clock) {
                         result.emplace_hint(result.end(), std::move(member), std::move(clock));
                         return true;
                       }))
    return std::move(*failed);
  return result;
}

/// Adds the members that events hold, as the index says.
std::optional<failure> find_members(const moment& at, const crdt::key& set, bool live,
                                    const crdt::causal_context& wanted,
                                    std::vector<crdt::payload>& into) {
  for (const auto& [replica, events] : wanted.replicas())
    for (const auto& some : events.intervals()) {
      const auto [begin, end] = index_between(set, live, replica, some);
      bool is_sound = true;
      const auto failed = at.scan(begin, end, [&](std::string_view name, std::string_view row) {
        const auto first = first_event_of(set, name);
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
        return corrupted("the index", set);
    }
  return std::nullopt;
}

} // namespace

found<std::optional<held_value>> read_value(const moment& at, const crdt::key& key,
                                            std::uint64_t whole_bytes,
                                            const replication::digester& digests) {
  auto row = read_head(at, key);
  if (auto* why = std::get_if<failure>(&row))
    return std::move(*why);
  auto& kept = std::get<std::optional<head>>(row);
  if (!kept)
    return std::optional<held_value>{};
  if (crdt::has_rows(key.type) && kept->footprint > whole_bytes)
    return std::optional{held_value{key, std::move(*kept), {}, false}};
  auto clocks = read_clocks(at, key, kept->value);
  if (auto* why = std::get_if<failure>(&clocks))
    return std::move(*why);
  held_value result{key, std::move(*kept), std::get<0>(std::move(clocks)), true};
  if (result.digest() != digests.digest_of(key, result.value()))
    return corrupted("the value", key);
  return std::optional{std::move(result)};
}

found<std::optional<crdt::value>> read_unchecked(const moment& at, const crdt::key& key) {
  auto row = read_head(at, key);
  if (auto* why = std::get_if<failure>(&row))
    return std::move(*why);
  auto& kept = std::get<std::optional<head>>(row);
  if (!kept || !crdt::has_rows(key.type))
    return kept ? std::optional{std::move(kept->value)} : std::nullopt;
  auto clocks = read_clocks(at, key, kept->value);
  if (auto* why = std::get_if<failure>(&clocks))
    return std::move(*why);
  return crdt::value{
      crdt::or_set{kept->value.as<crdt::or_set>().seen(), std::get<0>(std::move(clocks))}};
}

found<some_rows> read_rows(const moment& at, const crdt::key& set, const wanted_rows& wanted) {
  some_rows result{wanted.members, {}};
  for (const bool live : {true, false})
    if (auto failed = find_members(at, set, live, live ? wanted.live : wanted.dead, result.asked))
      return std::move(*failed);
  if (result.asked.size() > wanted.members.size()) {
    std::ranges::sort(result.asked);
    result.asked.erase(std::unique(result.asked.begin(), result.asked.end()), result.asked.end());
  }
  std::vector<std::string> names;
  names.reserve(result.asked.size());
  row_names name{set};
  for (const auto& member : result.asked)
    names.emplace_back(name.member(member));
  bool is_sound = true;
  const auto failed = at.find_all(names, [&](std::size_t which, std::string_view row) {
    auto clock = decode_clock(row);
    is_sound = is_sound && clock;
    if (is_sound)
      result.clocks.emplace_hint(result.clocks.end(), result.asked[which], std::move(*clock));
  });
  if (failed)
    return *failed;
  if (!is_sound)
    return corrupted("a member", set);
  return result;
}

found<std::optional<crdt::page_view>> read_page(const moment& at, const crdt::key& set,
                                                const crdt::member_page& wanted) {
  auto row = read_head(at, set);
  if (auto* why = std::get_if<failure>(&row))
    return std::move(*why);
  const auto& kept = std::get<std::optional<head>>(row);
  if (!kept)
    return std::optional<crdt::page_view>{};
  // As many as the page shows, and one to know whether there are more.
  const auto& seen = kept->value.as<crdt::or_set>().seen();
  crdt::or_set::clock_map clocks;
  auto first = member_name(set, {crdt::payload_kind::text, wanted.after.value_or("")});
  if (wanted.after)
    first += '\0';
  const auto failed =
      scan_members(at, set, first, seen, [&](crdt::payload member, crdt::or_set::clock clock) {
        if (member.kind != crdt::payload_kind::text)
          return false;
        if (crdt::or_set::is_live(clock))
          clocks.emplace_hint(clocks.end(), std::move(member), std::move(clock));
        return clocks.size() <= wanted.limit;
      });
  if (failed)
    return *failed;
  const crdt::value part{crdt::or_set{seen, std::move(clocks)}};
  auto result = std::get<crdt::page_view>(crdt::view_of(part, wanted));
  result.shown.cardinality = kept->members;
  return std::optional{std::move(result)};
}

found<std::optional<std::vector<crdt::key>>> list_keys(const moment& at, const crdt::key_query& q) {
  auto known = read_lost_keys(at);
  if (auto* failed = std::get_if<failure>(&known))
    return std::move(*failed);
  const auto& lost = std::get<lost_keys>(known);
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

found<digests_page> read_digests(const moment& at, const std::optional<crdt::key>& after,
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
