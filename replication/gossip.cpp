#include "replication/gossip.hpp"

#include "replication/value_parts.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace starling::replication {

gossip::gossip(session_id self, gossip_limits limits, digester digests)
    : self_(self), limits_(limits), digests_(std::move(digests)), pieces_(limits.pieces_bytes),
      arriving_(limits.joining_bytes), holdings_(self) {}

// -- what happens on this node --

void gossip::restore(const crdt::key& key, const digest& d) {
  const auto name = name_of(key);
  const auto position = digests_.position_of(key);
  auto& tree = trees_.of(key.type);
  if (tree.find(position, name) == digest{})
    tree.set(position, name, d);
}

void gossip::lose(const crdt::key& key) {
  trees_.of(key.type).erase(digests_.position_of(key), name_of(key));
}

void gossip::record(crdt::key key, const crdt::value& delta, const digest& now,
                    std::optional<session_id> heard_from) {
  trees_.of(key.type).set(digests_.position_of(key), name_of(key), now);
  if (crdt::has_rows(key.type) && delta.footprint() > part_bytes())
    for (auto& part : parts_of(delta, part_bytes()))
      log_.append(key, std::move(part), heard_from);
  else
    log_.append(std::move(key), delta.encode(), heard_from);
  drop_acknowledged(); // with no peer that waits for it, nothing is kept
  keep_log_bounded();
}

/// A peer sent this, so it has it. To be told before it is joined.
void gossip::heard(session_id peer, const std::vector<item>& items) {
  const auto found = peers_.find(peer);
  if (found == peers_.end())
    return;
  for (const auto& [key, part] : items)
    log_.heard(peer, key, part, found->second.cursor);
  drop_acknowledged();
  keep_log_bounded(); // what is known of the peer takes room, too
}

void gossip::numbered_under(const tally& t) {
  tallies_.raise(t);
  holdings_.numbered_under(t.replica);
}

/// The first that a peer tells holds all that it knows.
void gossip::hear_tallies(session_id peer, const std::vector<tally>& told) {
  for (const auto& t : told)
    if (tallies_.raise(t))
      holdings_.hear_of_more_under(t.replica);
  if (holdings_.was_set_back())
    holdings_.begin_anew();
  if (const auto known = peers_.find(peer); known != peers_.end())
    known->second.holdings.is_heard = true;
}

/// What a peer is told of since when this node has lost nothing.
session_id gossip::told_kept_since(session_id peer) const {
  const auto known = peers_.find(peer);
  return holdings_.told_to(known == peers_.end() ? nullptr : &known->second.holdings);
}

void gossip::lacks_data(bool does) {
  if (holdings_.lacks_data(does) && !does)
    whole_from_ = log_.last();
}

std::optional<session_id> gossip::kept_since(session_id peer) const {
  const auto found = peers_.find(peer);
  if (found == peers_.end() || !found->second.holdings.keeps_something())
    return std::nullopt;
  return found->second.holdings.kept_since;
}

std::optional<session_id> gossip::had_all_and_kept_it_since(session_id peer) const {
  const auto found = peers_.find(peer);
  if (found == peers_.end() || !is_whole())
    return std::nullopt;
  const auto& p = found->second;
  const bool had_all =
      p.had_all || (p.has_all && p.cursor > 0 && p.cursor >= whole_from_ && can_have_all(p));
  return had_all ? kept_since(peer) : std::nullopt;
}

/// What the answer to a message tells: what the peer is not known to know, and what its message
/// shows that it does not know, as after its memory was set back.
std::vector<tally> gossip::tallies_for(const message& m, const gossip_peer* p) const {
  auto result = tallies_.since(p == nullptr ? 0 : p->told);
  for (const auto& [replica, changes] : m.tallies)
    if (const auto ours = tallies_.of(replica);
        ours > changes && std::ranges::find(result, replica, &tally::replica) == result.end())
      result.push_back({replica, ours});
  return result;
}

bool gossip::reads_all_of_ours(session_id peer) const {
  const auto found = peers_.find(peer);
  return found != peers_.end() && std::ranges::all_of(crdt::types::ids, [&](crdt::type t) {
           return !limits_.ours.reads.contains(t) || found->second.can_read(t);
         });
}

/// The digests of the keys that a peer reads, too.
joint_tree gossip::shared_with(const gossip_peer& p) const {
  return trees_.of(p.reads);
}

/// That stays the same in its session. Where it is more than was known before, what was recorded
/// meanwhile may have been passed over, so all is compared once more.
void gossip::hear_what_it_reads(gossip_peer& p, const type_set& said) const {
  if (p.has_said_what_it_reads)
    return;
  p.has_said_what_it_reads = true;
  if (!said.is_within(std::exchange(p.reads, said))) {
    p.repair = {};
    fall_behind(p);
  }
}

void gossip::add_peer(session_id peer, const peer_dialect& how) {
  if (peer == self_)
    return;
  const auto [at, is_new] = peers_.try_emplace(peer);
  auto& p = at->second;
  if (is_new) {
    p.room = std::min(limits_.message_bytes, room_at_first);
    fall_behind(p);
  }
  p.is_present = true;
  p.version = how.version;
  if (!p.has_said_what_it_reads)
    p.reads = how.reads;
  if (p.is_idle() && !log_.reaches_back_to(p.cursor))
    fall_behind(p);
}

void gossip::remove_peer(session_id peer) {
  pieces_.forget(peer);
  if (is_walked_by(peer))
    walker_.reset();
  if (answering_ && answering_->asking() == peer)
    answering_.reset();
  const auto found = peers_.find(peer);
  if (found == peers_.end())
    return;
  auto& p = found->second;
  p.is_present = false;
  if (p.is_idle())
    p.cut.reset();
  p.repair = {};
  drop_acknowledged();
  forget_gone();
}

void gossip::tick() {
  pieces_.age();
  if (walker_ && ++walker_->age > asker_age_max)
    walker_.reset();
  if (answering_ && ++answering_age_ > asker_age_max)
    answering_.reset();
  ++since_audit_;
  ask_again();
}

void gossip::ask_again() {
  for (auto& [id, p] : peers_)
    p.put_off = p.early.takes_nothing = false;
}

// -- rounds --

std::vector<effect> gossip::round(std::uint64_t random) {
  if (const auto lacking = candidates(); !lacking.empty()) {
    const auto peer = lacking[random % lacking.size()];
    peers_.at(peer).may_audit = true;
    return start_round(peer);
  }
  std::vector<session_id> idle;
  for (const auto& [id, p] : peers_)
    if (p.is_present && p.is_idle() && !p.cut)
      idle.push_back(id);
  if (idle.empty())
    return {};
  const auto peer = idle[random % idle.size()];
  peers_.at(peer).may_audit = true;
  return {ask(peer)};
}

/// Asks a peer that lacks nothing whether it has something.
effect gossip::ask(session_id peer) {
  auto& p = peers_.at(peer);
  p.phase = phase::asks;
  p.round_end = p.cursor;
  return send(peer, p, from_log{p.cursor}, head_of(peer, p));
}

std::vector<effect> gossip::prompt(std::uint64_t random) {
  std::vector<session_id> lacking;
  for (auto& [id, p] : peers_) {
    if (!p.is_present || p.has_failed)
      continue;
    if (!p.is_idle())
      p.round_end = log_.last();
    else if (has_work(id, p))
      lacking.push_back(id);
  }
  return lacking.empty() ? std::vector<effect>{} : start_round(lacking[random % lacking.size()]);
}

bool gossip::may_prompt(bool has_more) const {
  return std::ranges::any_of(peers_, [&](const auto& entry) {
    const auto& [id, p] = entry;
    if (!p.is_present || p.has_failed)
      return false;
    return has_more || (p.is_idle() ? has_work(id, p) : p.round_end < log_.last());
  });
}

std::vector<effect> gossip::retry(session_id peer) {
  const auto found = peers_.find(peer);
  if (found == peers_.end())
    return {};
  auto& p = found->second;
  const bool is_idle = p.is_present && p.is_idle();
  return is_idle && p.has_failed && has_work(peer, p) ? start_round(peer) : std::vector<effect>{};
}

std::vector<effect> gossip::rounds(const std::set<session_id>& except) {
  std::vector<effect> result;
  for (const auto peer : candidates())
    if (!except.contains(peer))
      std::ranges::move(start_round(peer), std::back_inserter(result));
  for (auto& [peer, p] : peers_)
    if (p.is_present && p.is_to_be_heard && p.is_idle() && !p.cut && !p.behind &&
        !except.contains(peer))
      result.push_back(ask(peer));
  return result;
}

void gossip::hear_all() {
  for (auto& [id, p] : peers_)
    p.is_to_be_heard = true;
}

bool gossip::is_quiet() const {
  return std::ranges::all_of(
      peers_, [](const auto& entry) { return !entry.second.is_present || entry.second.is_idle(); });
}

bool gossip::was_put_off() const {
  return std::ranges::any_of(peers_, [&](const auto& entry) {
    const auto& [id, p] = entry;
    return p.is_present && (p.put_off || (p.behind && !p.repair.walking && is_walked_by(id)));
  });
}

/// Whether there is something for a peer that it has time for.
bool gossip::has_work(session_id id, const gossip_peer& p) const {
  if (may_tell_early(p))
    return true;
  if (p.cut)
    return !p.put_off;
  if (p.repair.has_findings())
    return true;
  return p.behind || p.repair.walking ? may_walk(id, p) : !p.put_off && p.cursor < log_.last();
}

/// The peers that are idle and lack something.
std::vector<session_id> gossip::candidates() const {
  std::vector<session_id> result;
  for (const auto& [id, p] : peers_)
    if (p.is_present && p.is_idle() && has_work(id, p))
      result.push_back(id);
  return result;
}

std::vector<effect> gossip::start_round(session_id peer) {
  auto& p = peers_.at(peer);
  p.phase = phase::tells;
  p.round_end = log_.last();
  p.early.is_next = true;
  return advance(peer, p);
}

/// Does what is to be done next for a peer that is idle.
std::vector<effect> gossip::advance(session_id id, gossip_peer& p) {
  if (std::exchange(p.early.is_next, true))
    if (auto next = tell_early(id, p))
      return {std::move(*next)};
  if (p.cut)
    return p.put_off ? std::vector<effect>{} : std::vector<effect>{send_piece(id, p)};
  if (auto next = compare_rows(id, p))
    return {std::move(*next)};
  if (auto next = send_states(id, p))
    return {std::move(*next)};
  if (!p.behind && !log_.reaches_back_to(p.cursor))
    fall_behind(p);
  if (auto next = step_of_walk(id, p))
    return {std::move(*next)};
  return p.behind ? std::vector<effect>{} : advance_log(id, p);
}

// -- what is kept --

/// All that is here is to be compared; what comes from now on is told early.
void gossip::fall_behind(gossip_peer& p) const {
  p.behind = true;
  p.early.to = log_.last();
}

/// Moves the cursor over what the peer is known to have, and over what it does not read.
void gossip::skip_known(session_id id, gossip_peer& p) {
  if (p.behind || !log_.reaches_back_to(p.cursor))
    return;
  while (p.cursor < log_.last() &&
         (!p.can_read(log_.key_of(p.cursor + 1).type) || log_.rest(p.cursor + 1, id) == nullptr))
    ++p.cursor;
}

/// Ends what was going on with a peer. What is on its way in pieces goes on later.
std::vector<effect> gossip::give_up(gossip_peer& p) {
  if (!p.is_present)
    p.cut.reset();
  p.repair = {};
  drop_acknowledged();
  forget_gone();
  return {};
}

/// Forgets idle peers that are gone: those of which there is nothing to know, and those beyond the
/// bound.
void gossip::forget_gone() {
  const auto is_idle = [](const auto& entry) {
    return !entry.second.is_present && entry.second.is_idle();
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

/// Drops the entries that no peer waits for that is there.
void gossip::drop_acknowledged() {
  auto needed = log_.last();
  for (auto& [id, p] : peers_) {
    skip_known(id, p);
    if (p.is_present)
      needed = std::min(needed, needed_after(p));
  }
  log_.drop_through(needed);
}

/// After which entry a peer waits for all. One that is behind waits for those after its walk's
/// beginning and, if it answers, for some to be told early.
std::uint64_t gossip::needed_after(const gossip_peer& p) const {
  if (!p.behind)
    return p.cursor;
  const auto last = log_.last();
  const auto early = p.has_failed ? last : std::max(told_to(p), last - std::min(last, early_max));
  return p.repair.walking ? std::min(early, p.repair.walking->log_end) : early;
}

// -- for display --

std::vector<gossip::peer_status> gossip::status() const {
  std::vector<peer_status> result;
  for (const auto& [id, p] : peers_)
    if (p.is_present) {
      const bool behind = p.behind || !log_.reaches_back_to(p.cursor);
      const bool keeps_all = p.holdings.is_settled && p.holdings.keeps_something();
      result.push_back({.peer = id,
                        .behind = behind,
                        .pending = behind ? log_.size() : log_.last() - p.cursor,
                        .refused = p.refused.size(),
                        .brought_too_much = p.brought_too_much,
                        .is_mending = !p.holdings.is_settled,
                        .is_whole = keeps_all && !p.is_to_be_heard && can_have_all(p)});
    }
  return result;
}

const std::set<crdt::key>& gossip::refused_by(session_id peer) const {
  static const std::set<crdt::key> none;
  const auto found = peers_.find(peer);
  return found == peers_.end() ? none : found->second.refused;
}

} // namespace starling::replication
