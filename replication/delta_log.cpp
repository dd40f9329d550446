#include "replication/delta_log.hpp"

#include <algorithm>

namespace starling::replication {

namespace {

// What an entry takes beside a key's name, its encoding and itself: its key's place in the map, and
// what goes with each allocation.
constexpr std::size_t around = 128;

crdt::value decoded(const std::string& own_encoding) {
  return std::get<crdt::value>(crdt::value::decode(own_encoding));
}

} // namespace

void delta_log::append(crdt::key key, std::string delta, std::optional<session_id> heard_from) {
  const auto at = latest_.try_emplace(std::move(key)).first;
  entries_.push_back({&at->first, std::move(delta), {}, at->second});
  entries_.back().delta.shrink_to_fit();
  at->second = last();
  if (heard_from)
    entries_.back().rests.emplace_back(*heard_from, "");
  bytes_ += size_of(entries_.back());
}

void delta_log::heard(session_id peer, const crdt::key& key, const crdt::value& part,
                      std::uint64_t cursor) {
  const auto found = latest_.find(key);
  if (found == latest_.end())
    return;
  std::vector<std::uint64_t> numbers; // above the cursor, the newest first
  for (auto number = found->second; number >= first_ && number > cursor;
       number = entries_[number - first_].previous)
    numbers.push_back(number);
  std::optional<crdt::value> known; // by the peer, with what it will get from earlier entries
  for (auto at = numbers.rbegin(); at != numbers.rend(); ++at) {
    const auto number = *at;
    const auto* lacked = rest(number, peer);
    if (lacked == nullptr)
      continue;
    if (!known)
      known = part;
    const auto left = known->join(decoded(*lacked));
    set_rest(entries_[number - first_], peer, left ? left->encode() : "");
  }
}

void delta_log::acknowledge(session_id peer, std::uint64_t from, std::uint64_t to) {
  for (auto number = std::max(from + 1, first_); number <= std::min(to, last()); ++number)
    set_rest(entries_[number - first_], peer, "");
}

void delta_log::drop_through(std::uint64_t number) {
  while (!entries_.empty() && first_ <= number)
    drop_first();
}

void delta_log::forget(session_id peer) {
  for (auto& e : entries_)
    if (auto* known = find_rest(e, peer)) {
      bytes_ -= size_of(e);
      e.rests.erase(e.rests.begin() + (known - e.rests.data()));
      bytes_ += size_of(e);
    }
}

const std::string* delta_log::rest(std::uint64_t number, session_id peer) const {
  const auto& e = entries_[number - first_];
  const auto known = std::ranges::find(e.rests, peer, &rest_of::first);
  if (known == e.rests.end())
    return &e.delta;
  return known->second.empty() ? nullptr : &known->second;
}

std::size_t delta_log::size_of(const entry& e) {
  auto result = sizeof(entry) + e.key->name.size() + e.delta.size() + around;
  for (const auto& [peer, rest] : e.rests)
    result += sizeof(rest_of) + rest.size();
  return result;
}

delta_log::rest_of* delta_log::find_rest(entry& e, session_id peer) {
  const auto known = std::ranges::find(e.rests, peer, &rest_of::first);
  return known == e.rests.end() ? nullptr : &*known;
}

void delta_log::set_rest(entry& e, session_id peer, std::string rest) {
  bytes_ -= size_of(e);
  if (auto* known = find_rest(e, peer))
    known->second = std::move(rest);
  else
    e.rests.emplace_back(peer, std::move(rest));
  bytes_ += size_of(e);
}

void delta_log::drop_first() {
  const auto& e = entries_.front();
  bytes_ -= size_of(e);
  if (const auto of_key = latest_.find(*e.key); of_key->second == first_)
    latest_.erase(of_key);
  entries_.pop_front();
  ++first_;
}

} // namespace starling::replication
