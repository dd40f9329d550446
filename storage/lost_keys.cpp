#include "storage/lost_keys.hpp"

#include "storage/layout.hpp"
#include "wire/result.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace starling::storage {

void lost_keys::add(std::string first, std::string end) {
  auto next = ranges_.upper_bound(first);
  if (next != ranges_.begin() && std::prev(next)->second >= first) {
    --next;
    first = next->first;
  }
  while (next != ranges_.end() && next->first <= end) {
    end = std::max(end, next->second);
    next = ranges_.erase(next);
  }
  ranges_.emplace(std::move(first), std::move(end));
}

void lost_keys::add(const crdt::key& key) {
  const auto name = listed_name(key);
  add(name, name + '\0');
}

bool lost_keys::contains(const crdt::key& key) const {
  const auto name = listed_name(key);
  const auto after = ranges_.upper_bound(name);
  return after != ranges_.begin() && name < std::prev(after)->second;
}

bool lost_keys::touch(std::string_view first, std::string_view end) const {
  const auto from_end = ranges_.lower_bound(end);
  return first < end && from_end != ranges_.begin() && std::prev(from_end)->second > first;
}

std::string rescuers_row() {
  return node_row("hopes");
}

std::string members_row() {
  return node_row("members");
}

namespace {

constexpr std::array both_copies{lost_copy::first, lost_copy::second};

wire::result<lost_keys, failure> read_lost_keys(const snapshot& at, lost_copy which) {
  lost_keys result;
  const auto [first, end] = all_lost_rows(which);
  if (auto failed = at.scan(first, end, [&](std::string_view name, std::string_view range_end) {
        result.add(std::string{name.substr(1)}, std::string{range_end});
        return true;
      }))
    return std::move(*failed);
  return result;
}

} // namespace

wire::result<lost_keys, failure> read_lost_keys(const snapshot& at) {
  auto result = read_lost_keys(at, lost_copy::first);
  if (!result && result.error().kind == trouble::corrupted)
    return read_lost_keys(at, lost_copy::second);
  return result;
}

void put(batch& into, const lost_keys& lost) {
  for (const auto copy : both_copies)
    for (const auto& [first, end] : lost.ranges())
      into.put(lost_row(copy, first), end);
}

wire::result<batch, failure> without_lost_keys(const snapshot& at) {
  auto known = read_lost_keys(at);
  if (!known)
    return std::move(known).error();
  batch erased;
  for (const auto copy : both_copies)
    for (const auto& [first, end] : known->ranges())
      erased.erase(lost_row(copy, first));
  erased.erase(rescuers_row());
  return erased;
}

wire::possible<failure> forget_lost_keys(store& rows) {
  auto erased = without_lost_keys(*rows.now());
  if (!erased)
    return std::move(erased).error();
  return rows.commit({*std::move(erased)}, true);
}

} // namespace starling::storage
