#include "replication/gossip.hpp"

#include <algorithm>
#include <limits>

namespace starling::replication {

namespace {

constexpr std::size_t keys_per_read = 16;

} // namespace

gossip::gossip(session_id self, gossip_limits limits)
    : self_(self), limits_(limits), log_(limits.log_bytes) {}

void gossip::record(crdt::key key, crdt::value delta, std::optional<session_id> heard_from) {
  log_.append(std::move(key), std::move(delta), heard_from);
  drop_acknowledged(); // with no peer that waits for it, nothing is kept
}

void gossip::add_peer(session_id peer) {
  if (peer != self_)
    peers_.try_emplace(peer);
}

void gossip::remove_peer(session_id peer) {
  peers_.erase(peer);
  drop_acknowledged();
}

std::vector<effect> gossip::round(std::uint64_t random) {
  std::vector<session_id> candidates;
  for (auto& [id, p] : peers_) {
    if (p.for_what != waiting::nothing)
      continue;
    skip_heard(id, p);
    if (p.behind || p.cursor < log_.last())
      candidates.push_back(id);
  }
  drop_acknowledged();
  if (candidates.empty())
    return {};
  const auto chosen = candidates[random % candidates.size()];
  auto& p = peers_.at(chosen);
  p.round_end = log_.last();
  return advance(chosen, p);
}

bool gossip::expects(session_id peer, const answer& a) const {
  const auto found = peers_.find(peer);
  if (found == peers_.end() || found->second.for_what != waiting::answer)
    return false;
  return a.to == self_ && a.sequence == found->second.sequence &&
         (a.from == peer || a.verdict == verdict::other_session);
}

std::vector<effect> gossip::answered(session_id peer, const answer& a) {
  if (!expects(peer, a))
    return {};
  if (a.verdict == verdict::other_session) {
    failed(peer);
    return {peer_changed{peer, a.from}};
  }
  auto& p = peers_.at(peer);
  p.for_what = waiting::nothing;
  if (!p.moving)
    p.cursor = p.in_flight_to;
  drop_acknowledged();
  return advance(peer, p);
}

void gossip::failed(session_id peer) {
  const auto found = peers_.find(peer);
  if (found == peers_.end())
    return;
  found->second.for_what = waiting::nothing;
  found->second.moving.reset(); // nothing says how much of it arrived
  drop_acknowledged();
}

std::vector<effect> gossip::listed(session_id peer, std::vector<crdt::key> keys) {
  auto* p = find_waiting(peer, waiting::keys);
  if (!p)
    return {};
  p->moving->keys = std::move(keys);
  return advance(peer, *p);
}

std::vector<effect> gossip::states_read(session_id peer, std::vector<encoded_item> states) {
  auto* p = find_waiting(peer, waiting::states);
  if (!p)
    return {};
  p->moving->ready = std::move(states);
  return advance(peer, *p);
}

std::vector<gossip::peer_status> gossip::status() const {
  std::vector<peer_status> result;
  for (const auto& [id, p] : peers_)
    result.push_back({id, p.behind, p.behind ? log_.size() : log_.last() - p.cursor});
  return result;
}

/// Moves the cursor over what was heard from the peer itself: it lacks none of that.
void gossip::skip_heard(session_id id, peer_state& p) {
  if (p.behind || !log_.reaches_back_to(p.cursor))
    return;
  while (p.cursor < log_.last() && log_.at(p.cursor + 1).heard_from == id)
    ++p.cursor;
}

/// The peer that waits for just this, which it then no longer does.
gossip::peer_state* gossip::find_waiting(session_id peer, waiting for_what) {
  const auto found = peers_.find(peer);
  if (found == peers_.end() || found->second.for_what != for_what)
    return nullptr;
  found->second.for_what = waiting::nothing;
  return &found->second;
}

std::vector<effect> gossip::advance(session_id id, peer_state& p) {
  if (!p.behind && !log_.reaches_back_to(p.cursor))
    p.behind = true;
  return p.behind ? advance_transfer(id, p) : advance_log(id, p);
}

std::vector<effect> gossip::advance_transfer(session_id id, peer_state& p) {
  if (!p.moving) {
    p.moving = transfer{log_.last(), {}, {}};
    p.for_what = waiting::keys;
    return {list_keys{id}};
  }
  auto& moving = *p.moving;
  if (!moving.ready.empty()) {
    std::vector<encoded_item> items;
    std::size_t bytes = 0;
    do {
      bytes += moving.ready.back().size();
      items.push_back(std::move(moving.ready.back()));
      moving.ready.pop_back();
    } while (!moving.ready.empty() && bytes + moving.ready.back().size() <= limits_.message_bytes);
    return {send(id, p, items)};
  }
  if (!moving.keys.empty()) {
    const auto count = std::min(keys_per_read, moving.keys.size());
    const auto begin = moving.keys.end() - static_cast<std::ptrdiff_t>(count);
    read_states wanted{id, {begin, moving.keys.end()}};
    moving.keys.erase(begin, moving.keys.end());
    p.for_what = waiting::states;
    return {std::move(wanted)};
  }
  p.behind = false;
  p.cursor = moving.log_end;
  p.moving.reset();
  drop_acknowledged();
  return advance(id, p);
}

std::vector<effect> gossip::advance_log(session_id id, peer_state& p) {
  std::map<crdt::key, crdt::value> joined;
  std::size_t bytes = 0;
  auto number = p.cursor;
  while (number < p.round_end) {
    const auto& entry = log_.at(number + 1);
    if (entry.heard_from != id) {
      if (!joined.empty() && bytes + entry.bytes > limits_.message_bytes)
        break;
      bytes += entry.bytes;
      const auto [at, is_new] = joined.try_emplace(entry.key, entry.delta);
      if (!is_new)
        at->second.join(entry.delta);
    }
    ++number;
  }
  if (joined.empty()) {
    p.cursor = number;
    drop_acknowledged();
    return {};
  }
  std::vector<encoded_item> items;
  for (const auto& [key, delta] : joined)
    items.push_back({key, delta.encode()});
  p.in_flight_to = number;
  return {send(id, p, items)};
}

effect gossip::send(session_id id, peer_state& p, const std::vector<encoded_item>& items) {
  p.for_what = waiting::answer;
  p.sequence = ++sequence_;
  return send_message{id, encode_message(self_, id, p.sequence, items), items.size()};
}

/// Drops the entries that no peer waits for. A peer that is behind waits for those after its
/// transfer's beginning.
void gossip::drop_acknowledged() {
  auto needed_after = log_.last();
  for (const auto& [id, p] : peers_) {
    if (!p.behind)
      needed_after = std::min(needed_after, p.cursor);
    else if (p.moving)
      needed_after = std::min(needed_after, p.moving->log_end);
  }
  log_.drop_through(needed_after);
}

} // namespace starling::replication
