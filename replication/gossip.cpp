#include "replication/gossip.hpp"

#include "replication/value_parts.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

namespace starling::replication {

namespace {

// A larger delta of a value with rows is not joined with others of the same value.
constexpr std::size_t joined_bytes_max = 16 * 1024;

/// The join of deltas. Requires: there is one, and all are our own encodings of one type.
std::string join_all(const std::vector<const std::string*>& deltas) {
  if (deltas.size() == 1)
    return *deltas.front();
  auto joined = std::get<crdt::value>(crdt::value::decode(*deltas.front()));
  for (const auto* delta : std::span{deltas}.subspan(1))
    joined.join(std::get<crdt::value>(crdt::value::decode(*delta)));
  return joined.encode();
}

/// The deltas of a key, in the order of the log, as they will travel. They are joined, but for
/// large ones of a value with rows: those mostly have nothing in common, and joining them costs
/// more than all else that is done to send them.
void add_joined(const crdt::key& key, const std::vector<const std::string*>& deltas,
                std::vector<encoded_item>& into) {
  std::vector<const std::string*> small;
  const auto add_small = [&] {
    if (!small.empty())
      into.push_back({key, join_all(std::exchange(small, {}))});
  };
  for (const auto* delta : deltas) {
    if (!crdt::has_rows(key.type) || delta->size() <= joined_bytes_max) {
      small.push_back(delta);
      continue;
    }
    add_small();
    into.push_back({key, *delta});
  }
  add_small();
}

std::size_t elements_of(const std::vector<encoded_item>& items) {
  std::size_t result = 0;
  for (const auto& item : items)
    result += crdt::value::elements_of(item.bytes);
  return result;
}

/// Whether a message brings something to join, or a part of it.
bool brings_something(const message& m) {
  return m.part || !m.items.empty() ||
         (m.comparison && std::holds_alternative<snapshot_rows>(m.comparison->what));
}

/// About how many bytes are to be joined.
std::size_t bytes_of(const message& m) {
  std::size_t result = 0;
  for (const auto& [key, part] : m.items)
    result += key.name.size() + part.footprint();
  if (m.comparison)
    if (const auto* rows = std::get_if<snapshot_rows>(&m.comparison->what))
      result += rows->rows.footprint();
  return result;
}

} // namespace

gossip::gossip(session_id self, gossip_limits limits, digester digests)
    : self_(self), limits_(limits), digests_(std::move(digests)), pieces_(limits.pieces_bytes),
      arriving_(limits.joining_bytes) {}

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

void gossip::numbers_under(const crdt::replica_id& id) {
  own_id_ = id;
  if (kept_since_ == self_) // nothing that this session has can be set back
    own_ids_.clear();
  own_ids_.insert(id);
  was_set_back_ = false;
}

void gossip::numbered_under(const tally& t) {
  tallies_.raise(t);
  own_ids_.insert(t.replica);
}

void gossip::begin_anew() {
  if (kept_since_ != session_id{})
    kept_since_ = self_;
  own_ids_.clear();
  if (own_id_)
    own_ids_.insert(*own_id_);
}

/// The first that a peer tells holds all that it knows.
void gossip::hear_tallies(session_id peer, const std::vector<tally>& told) {
  for (const auto& t : told)
    if (tallies_.raise(t) && own_ids_.contains(t.replica))
      was_set_back_ = true;
  if (was_set_back_)
    begin_anew();
  if (const auto known = peers_.find(peer); known != peers_.end())
    known->second.is_heard = true;
}

/// What a peer is told of since when this node has lost nothing.
session_id gossip::told_kept_since(session_id peer) const {
  if (kept_since_ == session_id{})
    return kept_since_;
  if (lacks_data_)
    return not_settled;
  if (kept_since_ == self_)
    return kept_since_;
  const auto known = peers_.find(peer);
  const bool is_heard = known != peers_.end() && known->second.is_heard;
  return is_settled_ && is_heard ? kept_since_ : not_settled;
}

void gossip::lacks_data(bool does) {
  if (std::exchange(lacks_data_, does) && !does)
    whole_from_ = log_.last();
}

void gossip::cannot_read_all() {
  reads_all_ = false;
  kept_since_ = {};
}

/// Within a session a peer only ever comes to say less. So what it said before, and comes late,
/// does not count.
void gossip::hear_what_is_kept(session_id peer, peer_state& p, session_id told) {
  p.is_settled = told != not_settled;
  if (!p.is_settled)
    return;
  const bool keeps_nothing = p.kept_since == session_id{};
  if (!p.kept_since || told == session_id{} || (told == peer && !keeps_nothing))
    p.kept_since = told;
}

std::optional<session_id> gossip::kept_since(session_id peer) const {
  const auto found = peers_.find(peer);
  if (found == peers_.end() || found->second.kept_since == session_id{})
    return std::nullopt;
  return found->second.kept_since;
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
std::vector<tally> gossip::tallies_for(const message& m, const peer_state* p) const {
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
           return !limits_.ours.reads.contains(t) || can_read(found->second, t);
         });
}

/// The digests of the keys that a peer reads, too.
joint_tree gossip::shared_with(const peer_state& p) const {
  return trees_.of(p.reads);
}

/// That stays the same in its session. Where it is more than was known before, what was recorded
/// meanwhile may have been passed over, so all is compared once more.
void gossip::hear_what_it_reads(peer_state& p, const type_set& said) const {
  if (p.has_said_what_it_reads)
    return;
  p.has_said_what_it_reads = true;
  if (!said.is_within(std::exchange(p.reads, said))) {
    end_walk(p);
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
  p.present = true;
  p.version = how.version;
  if (!p.has_said_what_it_reads)
    p.reads = how.reads;
  if (p.for_what == waiting::nothing && !log_.reaches_back_to(p.cursor))
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
  p.present = false;
  if (p.for_what == waiting::nothing)
    p.cut.reset();
  end_walk(p);
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
    p.put_off = p.takes_nothing_early = false;
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
    if (p.present && p.for_what == waiting::nothing && !p.cut)
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
  p.round_end = p.in_flight_to = p.cursor;
  return send(peer, p, topic::log, head_of(peer, p));
}

std::vector<effect> gossip::prompt(std::uint64_t random) {
  std::vector<session_id> lacking;
  for (auto& [id, p] : peers_) {
    if (!p.present || p.has_failed)
      continue;
    if (p.for_what != waiting::nothing)
      p.round_end = log_.last();
    else if (has_work(id, p))
      lacking.push_back(id);
  }
  return lacking.empty() ? std::vector<effect>{} : start_round(lacking[random % lacking.size()]);
}

bool gossip::may_prompt(bool has_more) const {
  return std::ranges::any_of(peers_, [&](const auto& entry) {
    const auto& [id, p] = entry;
    if (!p.present || p.has_failed)
      return false;
    return has_more ||
           (p.for_what == waiting::nothing ? has_work(id, p) : p.round_end < log_.last());
  });
}

std::vector<effect> gossip::retry(session_id peer) {
  const auto found = peers_.find(peer);
  if (found == peers_.end())
    return {};
  auto& p = found->second;
  const bool is_idle = p.present && p.for_what == waiting::nothing;
  return is_idle && p.has_failed && has_work(peer, p) ? start_round(peer) : std::vector<effect>{};
}

std::vector<effect> gossip::rounds(const std::set<session_id>& except) {
  std::vector<effect> result;
  for (const auto peer : candidates())
    if (!except.contains(peer))
      std::ranges::move(start_round(peer), std::back_inserter(result));
  for (auto& [peer, p] : peers_)
    if (p.present && p.is_to_be_heard && p.for_what == waiting::nothing && !p.cut && !p.behind &&
        !except.contains(peer))
      result.push_back(ask(peer));
  return result;
}

void gossip::hear_all() {
  for (auto& [id, p] : peers_)
    p.is_to_be_heard = true;
}

bool gossip::is_quiet() const {
  return std::ranges::all_of(peers_, [](const auto& entry) {
    return !entry.second.present || entry.second.for_what == waiting::nothing;
  });
}

bool gossip::was_put_off() const {
  return std::ranges::any_of(peers_, [&](const auto& entry) {
    const auto& [id, p] = entry;
    return p.present && (p.put_off || (p.behind && !p.walking && is_walked_by(id)));
  });
}

/// Whether there is something for a peer that it has time for.
bool gossip::has_work(session_id id, const peer_state& p) const {
  if (may_tell_early(p))
    return true;
  if (p.cut)
    return !p.put_off;
  if (p.comparing || !p.to_compare.empty() || !p.ready.empty() || !p.lacking.empty())
    return true;
  return p.behind || p.walking ? may_walk(id, p) : !p.put_off && p.cursor < log_.last();
}

/// The peers that are idle and lack something.
std::vector<session_id> gossip::candidates() const {
  std::vector<session_id> result;
  for (const auto& [id, p] : peers_)
    if (p.present && p.for_what == waiting::nothing && has_work(id, p))
      result.push_back(id);
  return result;
}

std::vector<effect> gossip::start_round(session_id peer) {
  auto& p = peers_.at(peer);
  p.phase = phase::tells;
  p.round_end = log_.last();
  p.may_tell = true;
  return advance(peer, p);
}

/// Does what is to be done next for a peer that is idle.
std::vector<effect> gossip::advance(session_id id, peer_state& p) {
  if (std::exchange(p.may_tell, true))
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

// -- sending from the log --

std::vector<effect> gossip::advance_log(session_id id, peer_state& p) {
  auto next = lacking(id, p, p.cursor, p.round_end);
  if (next.items.empty()) {
    p.cursor = std::max(p.cursor, next.end);
    drop_acknowledged();
    if (p.owed == 0 && !p.walk_over)
      return begin_audit(id, p);
  }
  p.walk_over = false;
  p.in_flight_to = next.end;
  return {send(id, p, topic::log, head_of(id, p), next.items)};
}

/// A message's worth of what the peer is not known to have, in the order of the log, between two
/// entries. Requires: the log reaches back to the first.
gossip::interval gossip::lacking(session_id id, const peer_state& p, std::uint64_t from,
                                 std::uint64_t end) const {
  std::map<crdt::key, std::vector<const std::string*>> parts;
  std::size_t bytes = 0;
  auto number = from;
  for (; number < end; ++number) {
    const auto& key = log_.key_of(number + 1);
    const auto* rest = can_read(p, key.type) ? log_.rest(number + 1, id) : nullptr;
    if (rest == nullptr)
      continue;
    const auto more = encoded_size(key, *rest);
    if (!parts.empty() && bytes + more > p.room)
      break;
    bytes += more;
    parts[key].push_back(rest);
  }
  interval result{{}, number, bytes};
  for (const auto& [key, deltas] : parts)
    add_joined(key, deltas, result.items);
  return result;
}

/// A message with nothing in it yet.
message gossip::head_of(session_id id, peer_state& p) {
  p.sequence = ++sequence_;
  message m{self_, id, p.sequence, p.owed, std::exchange(p.phase, phase::goes_on), {}};
  m.reads = limits_.ours.reads;
  m.version = p.version;
  return m;
}

/// Sends a message, or the first piece of it.
effect gossip::send(session_id id, peer_state& p, topic what, message m,
                    const std::vector<encoded_item>& items) {
  m.tallies = tallies_.since(p.told);
  m.kept_since = told_kept_since(id);
  auto content = encode_content(m, items);
  const auto beside = content_around + m.tallies.size() * tally_bytes_max;
  if (content.size() > p.room + beside) {
    const auto key = items.size() == 1 ? std::optional{items.front().key} : std::nullopt;
    p.cut = outgoing{what, m.sequence, std::move(content), 0, 0, tallies_.version(), key};
    auto first = send_piece(id, p);
    auto& message = std::get<send_message>(first); // counted with its first piece
    message.items = items.size();
    message.elements = elements_of(items);
    return first;
  }
  p.telling = tallies_.version();
  p.for_what = waiting::answer;
  p.about = what;
  return send_message{id, encode_with(m, content), items.size(), elements_of(items)};
}

effect gossip::send_piece(session_id id, peer_state& p) {
  auto m = head_of(id, p);
  auto& whole = *p.cut;
  if (whole.number == 0) // it starts over
    whole.number = m.sequence;
  m.part = cut(whole.number, whole.content, whole.sent, p.room);
  whole.under_way = m.part->bytes.size();
  p.for_what = waiting::answer;
  p.about = whole.what;
  return send_message{id, encode(m, {}), 0, 0};
}

// -- answers --

bool gossip::expects(session_id peer, const answer& a) const {
  const auto found = peers_.find(peer);
  if (found == peers_.end() || found->second.for_what != waiting::answer)
    return false;
  return a.to == self_ && a.sequence == found->second.sequence &&
         (a.from == peer || a.verdict == verdict::other_session);
}

std::optional<std::vector<item>> gossip::take(session_id peer, const answer& a) {
  if (!expects(peer, a))
    return std::nullopt;
  auto items = a.items;
  if (a.skipped > 0)
    kept_since_ = {}; // there is something that this node cannot have, so it does not have all
  skipped_ += a.skipped;
  if (a.verdict == verdict::joined)
    hear_tallies(peer, a.tallies);
  auto& p = peers_.at(peer);
  hear_what_it_reads(p, a.reads);
  if (p.about == topic::rows && !p.cut && p.comparing && a.verdict == verdict::joined) {
    const auto key = p.comparing->key();
    if (!p.comparing->take(a))
      fall_back(p);
    else if (auto theirs = p.comparing->theirs(); theirs && !theirs->empty())
      items.push_back({key, std::move(*theirs)});
  }
  heard(peer, items);
  return items;
}

std::vector<effect> gossip::answered(session_id peer, const answer& a, bool was_slow) {
  if (!expects(peer, a))
    return {};
  if (a.verdict == verdict::other_session) {
    failed(peer);
    return {peer_changed{peer, a.from}};
  }
  auto& p = peers_.at(peer);
  hear_what_it_reads(p, a.reads);
  p.for_what = waiting::nothing;
  p.has_failed = false;
  p.is_to_be_heard = false;
  p.room = was_slow ? smaller(p.room, 2) : std::min(p.room + p.room / 4, limits_.message_bytes);
  if (a.verdict != verdict::joined)
    return p.present ? objected(peer, p, a.verdict) : give_up(p);
  p.owed = a.offer;
  p.root = a.root;
  hear_what_is_kept(peer, p, a.kept_since);
  const auto ours = shared_with(p).root();
  const bool is_equal = a.root == ours && a.root != digest{};
  if (a.root == ours)
    p.refused.clear();
  if (is_equal && is_whole() && can_have_all(p))
    p.had_all = true;
  if (lacks_data_ && (a.offer != 0 || is_equal))
    caught_up_.insert(peer);
  if (p.about == topic::early) {
    p.told = std::max(p.told, p.telling);
    log_.acknowledge(peer, told_to(p), p.early_end);
    p.early_to = std::max(p.early_to, p.early_end);
    drop_acknowledged();
    keep_log_bounded(); // what is known of the peer takes room, too
    return p.present ? advance(peer, p) : give_up(p);
  }
  if (p.cut) {
    p.cut->sent += p.cut->under_way;
    if (p.cut->sent < p.cut->content.size())
      return p.present ? advance(peer, p) : give_up(p);
    p.telling = p.cut->telling;
    p.cut.reset();
    if (p.about == topic::rows && p.comparing && !p.comparing->take(a))
      fall_back(p);
  }
  p.told = std::max(p.told, p.telling);
  switch (p.about) {
  case topic::log:
    p.cursor = std::max(p.cursor, p.in_flight_to);
    drop_acknowledged();
    break;
  case topic::walk:
    take_differences(p, a);
    break;
  case topic::audit:
    found(p, p.audits.take(shared_with(p), a.sums));
    break;
  case topic::early: // above
  case topic::states:
  case topic::rows:
    break;
  }
  return p.present ? advance(peer, p) : give_up(p);
}

void gossip::failed(session_id peer) {
  const auto found = peers_.find(peer);
  if (found == peers_.end())
    return;
  found->second.for_what = waiting::nothing;
  found->second.has_failed = true;
  found->second.room = smaller(found->second.room, 4);
  give_up(found->second);
}

/// Room for less in a message, but for something.
std::size_t gossip::smaller(std::size_t room, std::size_t divisor) const {
  return std::max(room / divisor, std::min(room_min, limits_.message_bytes));
}

/// What a peer did not do, and does not want to hear again just so.
std::vector<effect> gossip::objected(session_id id, peer_state& p, verdict why) {
  if (p.about == topic::early) {
    p.put_off = p.takes_nothing_early = true;
    return {};
  }
  if (p.cut && why == verdict::start_over && p.about != topic::rows) {
    p.cut->number = 0;
    const bool had_begun = std::exchange(p.cut->sent, 0) > 0;
    p.cut->began_anew = had_begun && !p.cut->began_anew;
    if (p.cut->began_anew)
      return {send_piece(id, p)};
    p.put_off = true; // it takes nothing, or not for long
    return {};
  }
  if (p.cut && why == verdict::busy) {
    p.put_off = true;
    return {};
  }
  std::vector<effect> result;
  const bool is_of_a_value = p.cut && why == verdict::refused && p.cut->key;
  if (is_of_a_value) {
    if (p.refused.size() < refused_max && p.refused.insert(*p.cut->key).second)
      result.push_back(value_refused{id, *p.cut->key});
    if (p.about == topic::log) { // whatever it says of it, the rest is worth more
      p.cursor = std::max(p.cursor, p.in_flight_to);
      p.has_all = false;
    } else if (p.walking) {
      p.walking->brings_all = false;
    }
  }
  p.cut.reset();
  if (p.about == topic::rows) {
    // One that has no time may be about to compare the same value. If we do not answer for it that
    // the peer gets it, that is enough.
    if (why != verdict::refused && !p.walking)
      p.comparing.reset();
    fall_back(p);
  } else if (!is_of_a_value) {
    end_walk(p);
    p.put_off = true;
    return {};
  }
  std::ranges::move(advance(id, p), std::back_inserter(result));
  return result;
}

// -- what others send --

std::variant<gossip::incoming, gossip::reply> gossip::take(message m) {
  const auto say = [&](verdict v) {
    answer result{self_, m.from, m.sequence, v, 0, {}, trees_.of(m.reads).root()};
    result.kept_since = told_kept_since(m.from);
    result.reads = limits_.ours.reads;
    result.version = m.version;
    return reply{encode(result)};
  };
  if (m.to != self_)
    return say(verdict::other_session);
  if (is_walked_by(m.from))
    walker_->age = 0;
  if (const auto known = peers_.find(m.from); known != peers_.end())
    hear_what_it_reads(known->second, m.reads);
  if (arriving_.is_joining(m.from) && brings_something(m))
    return say(verdict::busy);
  const auto content = m.part ? m.part->number : 0;
  if (m.part) {
    switch (pieces_.take(m.from, *m.part)) {
    case assembly::outcome::kept:
    case assembly::outcome::done:
      return say(verdict::joined);
    case assembly::outcome::busy:
      return say(verdict::busy);
    case assembly::outcome::start_over:
      return say(verdict::start_over);
    case assembly::outcome::too_large:
      return say(verdict::refused);
    case assembly::outcome::whole:
      break;
    }
    if (!arriving_.may_begin(m.from, static_cast<std::size_t>(m.part->size)))
      return say(verdict::busy); // before it takes many times the room
    auto whole = decode_with(m, pieces_.content(m.from), limits_.ours);
    if (!std::holds_alternative<message>(whole)) {
      pieces_.forget(m.from);
      return say(verdict::refused);
    }
    m = std::get<message>(std::move(whole));
  }
  hear_tallies(m.from, m.tallies);
  if (const auto why = objection(m)) {
    if (content != 0)
      pieces_.forget(m.from);
    return say(*why);
  }
  if (brings_something(m)) {
    const auto bytes = bytes_of(m);
    if (!arriving_.may_begin(m.from, bytes))
      return say(verdict::busy);
    arriving_.begin(m.from, bytes);
  }
  if (m.skipped > 0)
    kept_since_ = {}; // as for an answer
  skipped_ += m.skipped;
  note_walker(m);
  if (const auto known = peers_.find(m.from); known != peers_.end())
    hear_what_is_kept(m.from, known->second, m.kept_since);
  incoming result{std::move(m), {}, std::nullopt, content};
  result.items = std::exchange(result.head.items, {});
  if (result.head.comparison)
    prepare(*result.head.comparison, result);
  result.brings_items = !result.items.empty() || result.head.skipped > 0;
  heard(result.head.from, result.items);
  return result;
}

gossip::reply gossip::joined(const incoming& in, std::string_view state) {
  const auto& m = in.head;
  arriving_.end(m.from);
  answer result{self_, m.from, m.sequence, verdict::joined, 0, {}, trees_.of(m.reads).root()};
  result.reads = limits_.ours.reads;
  result.version = m.version;
  if (in.wanted && state.empty() &&
      trees_.of(in.wanted->type).find(digests_.position_of(*in.wanted), name_of(*in.wanted)) !=
          digest{})
    cannot_read_all();
  result.kept_since = told_kept_since(m.from);
  std::vector<encoded_item> offered;
  const auto found = peers_.find(m.from);
  if (found != peers_.end() && m.acknowledged != 0 && m.acknowledged == found->second.offered) {
    auto& p = found->second;
    p.cursor = std::max(p.cursor, p.offered_to);
    p.told = std::max(p.told, p.offering);
    drop_acknowledged();
  }
  result.tallies = tallies_for(m, found == peers_.end() ? nullptr : &found->second);
  if (m.walk)
    answer_walk(m, result);
  else if (m.audit)
    result.sums = audit_sums(trees_.of(m.reads), *m.audit);
  else if (m.comparison)
    answer_comparison(in, state, result);
  else if (found != peers_.end())
    offer(m, found->second, result, offered);
  const bool is_of_log = !m.mends && !m.is_early && !m.walk && !m.audit && !m.comparison;
  if (lacks_data_ && is_of_log && in.brings_items)
    caught_up_.insert(m.from);
  if (in.pieces != 0 && result.verdict == verdict::joined)
    pieces_.used(m.from, in.pieces);
  else if (in.pieces != 0)
    pieces_.forget(m.from);
  if (!m.walk && !m.comparison && !m.mends && !m.is_early && is_walked_by(m.from))
    walker_.reset(); // it has something else to say, so that is over
  if (!m.comparison && !m.is_early && answering_ && answering_->asking() == m.from)
    answering_.reset(); // so is this
  reply done{encode(result, offered), offered.size(), elements_of(offered)};
  // What it wants from us goes at once.
  if (found != peers_.end() && found->second.present &&
      found->second.for_what == waiting::nothing && !found->second.lacking.empty())
    done.effects = advance(m.from, found->second);
  return done;
}

void gossip::not_joined(const incoming& in) {
  arriving_.end(in.head.from);
}

/// Offers what the peer lacks of the log.
void gossip::offer(const message& m, peer_state& p, answer& into,
                   std::vector<encoded_item>& items) {
  // Where a round's offers end is settled at its begin, so that it ends, however much is written.
  const auto peers =
      std::ranges::count_if(peers_, [](const auto& one) { return one.second.present; });
  if (m.phase == phase::asks ||
      (m.phase == phase::tells && limits_.fanout < static_cast<std::size_t>(peers)))
    p.offer_end = log_.last();
  // What is on its way already is not offered, too.
  if (!p.present || p.behind || p.cut || p.for_what != waiting::nothing ||
      !log_.reaches_back_to(p.cursor))
    return;
  auto next = lacking(m.from, p, p.cursor, p.offer_end);
  if (next.items.empty() || next.bytes > p.room) // too large for an answer
    return;
  if (p.offered == 0 || p.offered_to != next.end) { // the same once more keeps its number
    p.offered = ++sequence_;
    p.offering = tallies_.version();
  }
  p.offered_to = next.end;
  into.offer = p.offered;
  items = std::move(next.items);
}

// -- what is kept --

/// All that is here is to be compared; what comes from now on is told early.
void gossip::fall_behind(peer_state& p) const {
  p.behind = true;
  p.early_to = log_.last();
}

/// Moves the cursor over what the peer is known to have, and over what it does not read.
void gossip::skip_known(session_id id, peer_state& p) {
  if (p.behind || !log_.reaches_back_to(p.cursor))
    return;
  while (p.cursor < log_.last() &&
         (!can_read(p, log_.key_of(p.cursor + 1).type) || log_.rest(p.cursor + 1, id) == nullptr))
    ++p.cursor;
}

/// Ends what was going on with a peer. What is on its way in pieces goes on later.
std::vector<effect> gossip::give_up(peer_state& p) {
  if (!p.present)
    p.cut.reset();
  end_walk(p);
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

/// Drops the entries that no peer waits for that is there.
void gossip::drop_acknowledged() {
  auto needed = log_.last();
  for (auto& [id, p] : peers_) {
    skip_known(id, p);
    if (p.present)
      needed = std::min(needed, needed_after(p));
  }
  log_.drop_through(needed);
}

/// After which entry a peer waits for all. One that is behind waits for those after its walk's
/// beginning and, if it answers, for some to be told early.
std::uint64_t gossip::needed_after(const peer_state& p) const {
  if (!p.behind)
    return p.cursor;
  const auto last = log_.last();
  const auto early = p.has_failed ? last : std::max(told_to(p), last - std::min(last, early_max));
  return p.walking ? std::min(early, p.walking->log_end) : early;
}

// -- for display --

std::vector<gossip::peer_status> gossip::status() const {
  std::vector<peer_status> result;
  for (const auto& [id, p] : peers_)
    if (p.present) {
      const bool behind = p.behind || !log_.reaches_back_to(p.cursor);
      const bool keeps_all = p.is_settled && p.kept_since.value_or(session_id{}) != session_id{};
      result.push_back({.peer = id,
                        .behind = behind,
                        .pending = behind ? log_.size() : log_.last() - p.cursor,
                        .refused = p.refused.size(),
                        .is_mending = !p.is_settled,
                        .is_whole = keeps_all && !p.is_to_be_heard});
    }
  return result;
}

const std::set<crdt::key>& gossip::refused_by(session_id peer) const {
  static const std::set<crdt::key> none;
  const auto found = peers_.find(peer);
  return found == peers_.end() ? none : found->second.refused;
}

} // namespace starling::replication
