#include "replication/gossip.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

namespace starling::replication {

namespace {

constexpr std::size_t keys_per_read = 4;

/// The join of deltas. Requires: there is one, and all are our own encodings of one type.
std::string join_all(const std::vector<const std::string*>& deltas) {
  if (deltas.size() == 1)
    return *deltas.front();
  auto joined = std::get<crdt::value>(crdt::value::decode(*deltas.front()));
  for (const auto* delta : std::span{deltas}.subspan(1))
    joined.join(std::get<crdt::value>(crdt::value::decode(*delta)));
  return joined.encode();
}

} // namespace

gossip::gossip(session_id self, gossip_limits limits) : self_(self), limits_(limits) {}

void gossip::record(crdt::key key, const crdt::value& delta, std::optional<session_id> heard_from) {
  log_.append(std::move(key), delta, heard_from);
  drop_acknowledged(); // with no peer that waits for it, nothing is kept
  keep_log_bounded();
}

void gossip::heard(session_id peer, const std::vector<item>& items) {
  const auto found = peers_.find(peer);
  if (found == peers_.end())
    return;
  for (const auto& [key, part] : items)
    log_.heard(peer, key, part, found->second.cursor);
  drop_acknowledged();
  keep_log_bounded(); // what is known of the peer takes room, too
}

void gossip::add_peer(session_id peer) {
  if (peer == self_)
    return;
  auto& p = peers_[peer];
  p.present = true;
  if (p.for_what == waiting::nothing && !log_.reaches_back_to(p.cursor))
    p.behind = true;
}

void gossip::remove_peer(session_id peer) {
  const auto found = peers_.find(peer);
  if (found == peers_.end())
    return;
  found->second.present = false;
  drop_acknowledged();
  forget_gone();
}

std::vector<effect> gossip::round(std::uint64_t random) {
  if (const auto lacking = candidates(); !lacking.empty())
    return start_round(lacking[random % lacking.size()]);
  std::vector<session_id> idle;
  for (const auto& [id, p] : peers_)
    if (p.present && p.for_what == waiting::nothing)
      idle.push_back(id);
  if (idle.empty())
    return {};
  const auto peer = idle[random % idle.size()];
  auto& p = peers_.at(peer);
  p.phase = phase::asks;
  p.round_end = p.in_flight_to = p.cursor;
  return {send(peer, p, {})};
}

std::vector<effect> gossip::rounds(const std::set<session_id>& except) {
  std::vector<effect> result;
  for (const auto peer : candidates())
    if (!except.contains(peer))
      std::ranges::move(start_round(peer), std::back_inserter(result));
  return result;
}

bool gossip::is_quiet() const {
  return std::ranges::all_of(peers_, [](const auto& entry) {
    return !entry.second.present || entry.second.for_what == waiting::nothing;
  });
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
  p.owed = a.offer;
  if (!p.moving)
    p.cursor = std::max(p.cursor, p.in_flight_to);
  drop_acknowledged();
  return p.present ? advance(peer, p) : give_up(p);
}

void gossip::failed(session_id peer) {
  const auto found = peers_.find(peer);
  if (found == peers_.end())
    return;
  found->second.for_what = waiting::nothing;
  give_up(found->second); // nothing says how much of a transfer arrived
}

std::vector<effect> gossip::listed(session_id peer, std::vector<crdt::key> keys) {
  auto* p = find_waiting(peer, waiting::keys);
  if (!p)
    return {};
  if (!p->present)
    return give_up(*p);
  p->moving->keys = std::move(keys);
  return advance(peer, *p);
}

std::vector<effect> gossip::states_read(session_id peer, std::vector<encoded_item> states) {
  auto* p = find_waiting(peer, waiting::states);
  if (!p)
    return {};
  if (!p->present)
    return give_up(*p);
  for (auto& state : states) {
    p->moving->ready_bytes += state.size();
    p->moving->ready.push_back(std::move(state));
  }
  return advance(peer, *p);
}

std::vector<gossip::peer_status> gossip::status() const {
  std::vector<peer_status> result;
  for (const auto& [id, p] : peers_)
    if (p.present)
      result.push_back({id, p.behind, p.behind ? log_.size() : log_.last() - p.cursor});
  return result;
}

/// The peers that are idle and lack something.
std::vector<session_id> gossip::candidates() const {
  std::vector<session_id> result;
  for (const auto& [id, p] : peers_)
    if (p.present && p.for_what == waiting::nothing && (p.behind || p.cursor < log_.last()))
      result.push_back(id);
  return result;
}

std::vector<effect> gossip::start_round(session_id peer) {
  auto& p = peers_.at(peer);
  p.phase = phase::tells;
  p.round_end = log_.last();
  return advance(peer, p);
}

/// Moves the cursor over what the peer is known to have.
void gossip::skip_known(session_id id, peer_state& p) {
  if (p.behind || !log_.reaches_back_to(p.cursor))
    return;
  while (p.cursor < log_.last() && log_.rest(p.cursor + 1, id) == nullptr)
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

/// Ends what was going on with a peer.
std::vector<effect> gossip::give_up(peer_state& p) {
  p.moving.reset();
  drop_acknowledged();
  forget_gone();
  return {};
}

/// Forgets idle peers that are gone: those of which there is nothing to know, and those beyond the
/// bound.
void gossip::forget_gone() {
  const auto is_idle = [](const auto& entry) {
    return !entry.second.present && entry.second.for_what == waiting::nothing;
  };
  const auto forget = [&](auto at) {
    log_.forget(at->first);
    return peers_.erase(at);
  };
  for (auto it = peers_.begin(); it != peers_.end();)
    if (is_idle(*it) && (it->second.behind || !log_.reaches_back_to(it->second.cursor)))
      it = forget(it);
    else
      ++it;
  while (std::ranges::count_if(peers_, is_idle) > static_cast<std::ptrdiff_t>(gone_max)) {
    auto least = peers_.end();
    for (auto it = peers_.begin(); it != peers_.end(); ++it)
      if (is_idle(*it) && (least == peers_.end() || it->second.cursor < least->second.cursor))
        least = it;
    forget(least);
  }
}

/// Drops the oldest entries beyond the bound. Whoever is not known to have one of them is behind.
void gossip::keep_log_bounded() {
  while (log_.bytes() > limits_.log_bytes)
    log_.drop_through(log_.first());
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
  if (!moving.ready.empty() &&
      (moving.keys.empty() || moving.ready_bytes >= limits_.message_bytes)) {
    std::vector<encoded_item> items;
    std::size_t bytes = 0;
    do {
      bytes += moving.ready.back().size();
      items.push_back(std::move(moving.ready.back()));
      moving.ready.pop_back();
    } while (!moving.ready.empty() && bytes + moving.ready.back().size() <= limits_.message_bytes);
    moving.ready_bytes -= bytes;
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
  auto next = lacking(id, p, p.round_end);
  if (next.items.empty()) {
    p.cursor = std::max(p.cursor, next.end);
    drop_acknowledged();
    if (p.owed == 0)
      return {};
  }
  p.in_flight_to = next.end;
  return {send(id, p, next.items)};
}

/// A message's worth of what the peer is not known to have, in the order of the log, up to an end.
/// Requires: the log reaches back to its cursor.
gossip::interval gossip::lacking(session_id id, const peer_state& p, std::uint64_t end) const {
  std::map<crdt::key, std::vector<const std::string*>> parts;
  std::size_t bytes = 0;
  auto number = p.cursor;
  for (; number < end; ++number) {
    const auto* rest = log_.rest(number + 1, id);
    if (rest == nullptr)
      continue;
    const auto& key = log_.key_of(number + 1);
    const auto more = encoded_size(key, *rest);
    if (!parts.empty() && bytes + more > limits_.message_bytes)
      break;
    bytes += more;
    parts[key].push_back(rest);
  }
  interval result{{}, number};
  for (const auto& [key, deltas] : parts)
    result.items.push_back({key, join_all(deltas)});
  return result;
}

effect gossip::send(session_id id, peer_state& p, const std::vector<encoded_item>& items) {
  p.for_what = waiting::answer;
  p.sequence = ++sequence_;
  const message head{self_, id, p.sequence, p.owed, std::exchange(p.phase, phase::goes_on), {}};
  return send_message{id, encode(head, items), items.size()};
}

gossip::reply gossip::joined(const message& m) {
  answer result{self_, m.from, m.sequence, verdict::joined};
  const auto found = peers_.find(m.from);
  if (found == peers_.end())
    return {encode(result)};
  auto& p = found->second;
  if (m.acknowledged != 0 && m.acknowledged == p.offered) {
    p.cursor = std::max(p.cursor, p.offered_to);
    drop_acknowledged();
  }
  // Where a round's offers end is settled at its begin, so that it ends, however much is written.
  const auto peers =
      std::ranges::count_if(peers_, [](const auto& one) { return one.second.present; });
  if (m.phase == phase::asks ||
      (m.phase == phase::tells && limits_.fanout < static_cast<std::size_t>(peers)))
    p.offer_end = log_.last();
  // What is on its way already is not offered, too.
  if (!p.present || p.behind || p.for_what != waiting::nothing || !log_.reaches_back_to(p.cursor))
    return {encode(result)};
  const auto next = lacking(m.from, p, p.offer_end);
  if (next.items.empty())
    return {encode(result)};
  if (p.offered == 0 || p.offered_to != next.end) // the same once more keeps its number
    p.offered = ++sequence_;
  p.offered_to = next.end;
  result.offer = p.offered;
  return {encode(result, next.items), next.items.size()};
}

std::string gossip::refused(const message& m) const {
  return encode(answer{self_, m.from, m.sequence, verdict::other_session});
}

/// Drops the entries that no peer waits for that is there. A peer that is behind waits for those
/// after its transfer's beginning.
void gossip::drop_acknowledged() {
  auto needed_after = log_.last();
  for (auto& [id, p] : peers_) {
    skip_known(id, p);
    if (!p.present)
      continue;
    if (!p.behind)
      needed_after = std::min(needed_after, p.cursor);
    else if (p.moving)
      needed_after = std::min(needed_after, p.moving->log_end);
  }
  log_.drop_through(needed_after);
}

} // namespace starling::replication
