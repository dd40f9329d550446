#include "crdt/pn_counter.hpp"

#include <algorithm>
#include <cassert>
#include <limits>

namespace starling::crdt {

namespace {

constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();

/// A sum of totals, wide enough for as many as fit in memory.
struct wide_sum {
  std::uint64_t carries = 0;
  pn_counter::total low = 0;

  void add(pn_counter::total x) {
    low += x;
    if (low < x)
      ++carries;
  }

  friend auto operator<=>(const wide_sum&, const wide_sum&) = default;
};

/// The distance between two sums, or nothing when it does not fit `limit`.
std::optional<std::uint64_t> distance(const wide_sum& larger, const wide_sum& smaller,
                                      std::uint64_t limit) {
  const auto low = larger.low - smaller.low; // modulo 2^128, as is the borrow below
  const auto carries = larger.carries - smaller.carries - (larger.low < smaller.low ? 1 : 0);
  if (carries != 0 || low > limit)
    return std::nullopt;
  return static_cast<std::uint64_t>(low);
}

std::uint64_t magnitude(std::int64_t x) {
  return x < 0 ? ~static_cast<std::uint64_t>(x) + 1 : static_cast<std::uint64_t>(x);
}

} // namespace

pn_counter::reading pn_counter::read() const {
  wide_sum added;
  wide_sum removed;
  for (const auto& [replica, e] : entries_) {
    added.add(e.added);
    removed.add(e.removed);
  }
  if (added >= removed) {
    if (const auto value = distance(added, removed, largest))
      return {static_cast<std::int64_t>(*value), false};
    return {std::numeric_limits<std::int64_t>::max(), true};
  }
  if (const auto value = distance(removed, added, largest + 1))
    return {static_cast<std::int64_t>(~*value + 1), false};
  return {std::numeric_limits<std::int64_t>::min(), true};
}

std::optional<pn_counter> pn_counter::add(const replica_id& self, std::int64_t amount) {
  assert(amount != 0);
  const auto now = read();
  std::int64_t next = 0;
  // Beyond the range only a step back is a step in the right direction.
  if (now.saturated ? (now.value > 0) == (amount > 0)
                    : __builtin_add_overflow(now.value, amount, &next))
    return std::nullopt;
  const auto at = entries_.lower_bound(self);
  const bool is_here = at != entries_.end() && at->first == self;
  auto changed = is_here ? at->second : entry{};
  auto& grown = amount > 0 ? changed.added : changed.removed;
  if (__builtin_add_overflow(grown, total{magnitude(amount)}, &grown))
    return std::nullopt; // out of reach for real requests, not for forged totals
  if (is_here)
    at->second = changed;
  else
    entries_.emplace_hint(at, self, changed);
  pn_counter delta;
  delta.entries_.emplace(self, changed);
  return delta;
}

std::optional<pn_counter> pn_counter::join(const pn_counter& other) {
  pn_counter news;
  for (const auto& [replica, theirs] : other.entries_) {
    auto& ours = entries_[replica];
    const entry joined{std::max(ours.added, theirs.added), std::max(ours.removed, theirs.removed)};
    if (joined == ours)
      continue;
    ours = joined;
    news.entries_.emplace_hint(news.entries_.end(), replica, joined);
  }
  if (news.entries_.empty())
    return std::nullopt;
  return news;
}

void pn_counter::encode(wire::writer& out) const {
  out.varint(entries_.size());
  for (const auto& [replica, e] : entries_) {
    crdt::encode(out, replica);
    out.varint128(e.added);
    out.varint128(e.removed);
  }
}

pn_counter pn_counter::decode(wire::reader& in) {
  pn_counter result;
  for (auto left = in.count(18); left > 0 && in.ok(); --left) {
    const auto replica = decode_replica_id(in);
    const auto added = in.varint128();
    const auto removed = in.varint128();
    if (added == 0 && removed == 0)
      in.fail("counter entry of zero");
    if (!result.entries_.empty() && replica <= result.entries_.rbegin()->first)
      in.fail("replica ids are not in ascending order");
    if (in.ok())
      result.entries_.emplace_hint(result.entries_.end(), replica, entry{added, removed});
  }
  return result;
}

} // namespace starling::crdt
