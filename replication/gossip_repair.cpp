// The part of the gossip core that finds and mends what deltas did not bring.

#include "replication/gossip.hpp"
#include "replication/value_parts.hpp"

#include <algorithm>
#include <utility>

namespace starling::replication {

namespace {

constexpr std::size_t keys_per_read = 4;

// Under load it takes a slice of the keys this often, ticks.
constexpr unsigned audit_interval = 8;

/// Whether it only asks if there is any difference. That costs little.
bool is_first(const repair_request& r) {
  return r.depth == 0 && r.wanted.empty();
}

} // namespace

/// What a step of a walk takes, and its answer.
std::size_t gossip::walk_bytes(std::size_t room) {
  return std::max(repair_message_bytes_min, room);
}

/// Whether a walk goes on beyond its first question. One does at a time.
bool gossip::is_walking() const {
  return std::ranges::any_of(peers_, [](const auto& one) {
    return one.second.repair.walking && one.second.repair.walking->differs;
  });
}

/// A first question may be put to all but those who walk over our keys themselves, a second first
/// question when there is time for more.
bool gossip::may_walk(session_id id, const gossip_peer& p) const {
  return p.repair.walking ||
         (!p.put_off && !is_walked_by(id) && !(p.waits_for_walk && is_walking()));
}

// -- asking --

/// The next step of comparing all keys, as long as there is one; afterwards the peer is no longer
/// behind.
std::optional<effect> gossip::step_of_walk(session_id id, gossip_peer& p) {
  if (!p.repair.walking) {
    if (!p.behind || !may_walk(id, p))
      return std::nullopt;
    p.repair.walking = walk{log_.last(), repair_walk{walk_bytes(p.room)}};
    p.waits_for_walk = false;
  }
  if (const auto& request = p.repair.walking->steps.next(shared_with(p))) {
    auto m = head_of(id, p);
    m.walk = *request;
    return send(id, p, walk_step{}, std::move(m));
  }
  p.walk_is_over = p.repair.walking->differs;
  p.cursor = std::max(p.cursor, p.repair.walking->log_end);
  if (std::exchange(p.behind, false)) {
    p.has_all = p.repair.walking->brings_all;
    p.had_all =
        p.had_all || (p.has_all && is_whole() && can_have_all(p) && p.cursor >= whole_from_);
  }
  p.repair.walking.reset();
  drop_acknowledged();
  if (!log_.reaches_back_to(p.cursor)) {
    fall_behind(p);
    return step_of_walk(id, p);
  }
  return std::nullopt;
}

void gossip::take_differences(gossip_peer& p, const answer& a) {
  if (!p.repair.walking)
    return; // it was given up for theirs
  const auto ours = shared_with(p);
  auto named = a.walk ? p.repair.walking->steps.answered(ours, *a.walk) : std::nullopt;
  const bool goes_on = named && (!named->empty() || p.repair.walking->steps.next(ours));
  const bool is_first = !p.repair.walking->differs;
  if (!named || (goes_on && is_first && is_walking())) { // no answer, or no time
    p.repair = {};
    (named ? p.waits_for_walk : p.put_off) = true;
    return;
  }
  if (goes_on && is_first) {
    p.repair.walking->differs = true;
    ++repairs_.walks;
  }
  p.repair.lacking.add(std::move(*named));
}

/// Sends the states of what the peer lacks, once there are enough for a message.
std::optional<effect> gossip::send_states(session_id id, gossip_peer& p) {
  const bool is_full = p.repair.ready_bytes >= p.room;
  if (!p.repair.lacking.empty() && !is_full) {
    read_states wanted{id, {}};
    for (const auto& name : p.repair.lacking.take_names(shared_with(p), keys_per_read))
      wanted.keys.push_back(key_of(name));
    if (!wanted.keys.empty()) {
      p.doing = reading_states{};
      return wanted;
    }
  }
  if (p.repair.ready.empty())
    return std::nullopt;
  std::vector<encoded_item> items;
  std::size_t bytes = 0;
  do {
    bytes += p.repair.ready.back().size();
    items.push_back(std::move(p.repair.ready.back()));
    p.repair.ready.pop_back();
  } while (!p.repair.ready.empty() && bytes + p.repair.ready.back().size() <= p.room);
  p.repair.ready_bytes -= bytes;
  auto m = head_of(id, p);
  m.mends = true;
  return send(id, p, missing_states{}, std::move(m), items);
}

std::vector<effect> gossip::states_read(session_id peer, std::vector<encoded_item> states) {
  const auto found = peers_.find(peer);
  if (found == peers_.end() || !std::holds_alternative<reading_states>(found->second.doing))
    return {};
  auto& p = found->second;
  p.doing = idle{};
  if (!p.is_present)
    return give_up(p);
  for (auto& state : states) {
    if (crdt::has_rows(state.key.type) && state.bytes.size() > limits_.whole_value_bytes) {
      p.repair.to_compare.push_back(std::move(state));
      continue;
    }
    if (crdt::has_rows(state.key.type) && state.bytes.size() > part_bytes()) {
      add_parts(state.key, std::get<crdt::value>(crdt::value::decode(state.bytes)), p);
      continue;
    }
    p.repair.ready_bytes += state.size();
    p.repair.ready.push_back(std::move(state));
  }
  return advance(peer, p);
}

/// What of a value with rows is sent at a time, about.
std::size_t gossip::part_bytes() const {
  return std::min({limits_.part_bytes, limits_.message_bytes, limits_.pieces_bytes});
}

/// A value with rows will be sent whole, in parts that the peer joins one by one.
void gossip::add_parts(const crdt::key& key, const crdt::value& whole, gossip_peer& p) const {
  for (auto& part : parts_of(whole, part_bytes())) {
    p.repair.ready.push_back({key, std::move(part)});
    p.repair.ready_bytes += p.repair.ready.back().size();
  }
}

/// The next step of comparing a large value, if there is one to be compared.
std::optional<effect> gossip::compare_rows(session_id id, gossip_peer& p) {
  while (p.repair.comparing || !p.repair.to_compare.empty()) {
    if (!p.repair.comparing) {
      auto [key, bytes] = std::move(p.repair.to_compare.back());
      p.repair.to_compare.pop_back();
      auto state = std::get<crdt::value>(crdt::value::decode(bytes));
      p.repair.comparing.emplace(++sequence_, key, value_snapshot{digests_, key, std::move(state)},
                                 walk_bytes(p.room), limits_.pieces_bytes);
    }
    if (auto step = p.repair.comparing->next()) {
      if (is_better_sent_whole(p, *step)) {
        fall_back(p);
        continue;
      }
      auto m = head_of(id, p);
      m.comparison = std::move(*step);
      return send(id, p, rows_step{}, std::move(m));
    }
    p.repair.comparing.reset();
    ++repairs_.values;
  }
  return std::nullopt;
}

/// Whether a peer lacks most of a large value: it would hold all of that before it could join any.
bool gossip::is_better_sent_whole(const gossip_peer& p, const row_step& next) const {
  constexpr std::size_t parts_max = 4;
  const auto* rows = std::get_if<snapshot_rows>(&next.what);
  return rows != nullptr && rows->rows.footprint() > parts_max * part_bytes() &&
         rows->rows.footprint() > p.repair.comparing->whole().footprint() / 2;
}

/// A value cannot be compared: it is sent whole.
void gossip::fall_back(gossip_peer& p) const {
  if (p.repair.comparing)
    add_parts(p.repair.comparing->key(), p.repair.comparing->whole(), p);
  p.repair.comparing.reset();
}

/// Looks, after a round, whether the peer differs in what no log brings.
std::vector<effect> gossip::begin_audit(session_id id, gossip_peer& p) {
  const bool is_due = log_.size() == 0 || since_audit_ >= audit_interval;
  if (!limits_.audits || !std::exchange(p.may_audit, false) || !is_due || !p.root ||
      *p.root == shared_with(p).root() || !may_walk(id, p))
    return {};
  since_audit_ = 0;
  auto m = head_of(id, p);
  m.audit = p.audits.next(log_.size());
  return {send(id, p, audit_step{}, std::move(m))};
}

void gossip::found(gossip_peer& p, const audit::finding& f) {
  if (f.ranges.empty() || p.repair.walking || is_walking())
    return;
  // A part of the keys says nothing of the log.
  p.repair.walking =
      walk{p.cursor, repair_walk{walk_bytes(p.room), f.depth, f.ranges}, true, false};
  ++repairs_.findings;
}

// -- answering --

/// Why a question is not answered now.
std::optional<verdict> gossip::objection(const message& m) {
  const auto found = peers_.find(m.from);
  auto* p = found == peers_.end() ? nullptr : &found->second;
  if (m.walk && !is_first(*m.walk)) {
    if (walker_ && walker_->who != m.from)
      return verdict::busy;
    if (p != nullptr && p->repair.walking && p->repair.walking->differs) {
      if (self_ < m.from)
        return verdict::busy;
      p->repair = {};
    }
  }
  if (!m.comparison)
    return std::nullopt;
  if (!limits_.ours.reads.contains(m.comparison->key.type))
    return verdict::refused;
  if (answering_ && answering_->is(m.from, *m.comparison))
    return std::nullopt;
  const auto* ask = std::get_if<repair_request>(&m.comparison->what);
  if (ask == nullptr || ask->depth != 0)
    return verdict::start_over;
  const auto& key = m.comparison->key;
  const bool is_named_here =
      p != nullptr && p->repair.walking &&
      trees_.of(key.type).find(digests_.position_of(key), name_of(key)) != digest{};
  if (is_named_here || (answering_ && answering_->asking() != m.from))
    return verdict::busy;
  return std::nullopt;
}

/// Whoever sends states that differ walks over our keys, unless we walk over his.
void gossip::note_walker(const message& m) {
  const auto found = peers_.find(m.from);
  const bool is_ours = found != peers_.end() && found->second.repair.walking;
  if (m.mends && !walker_ && !is_ours)
    walker_ = asker{m.from};
}

/// What is to be known or joined before a step of comparing a value can be answered.
void gossip::prepare(const row_step& s, incoming& in) const {
  if (!answering_ || !answering_->is(in.head.from, s)) {
    in.wanted = s.key;
    return;
  }
  if (const auto* rows = std::get_if<snapshot_rows>(&s.what))
    if (auto theirs = answering_->theirs(*rows); theirs && !theirs->empty())
      in.items.push_back({s.key, std::move(*theirs)});
}

void gossip::answer_walk(const message& m, answer& into) {
  if (!is_first(*m.walk))
    walker_ = asker{m.from};
  const auto found = peers_.find(m.from);
  const auto room = found == peers_.end() ? limits_.message_bytes : found->second.room;
  auto [said, wanted] = answer_to(*m.walk, trees_.of(m.reads), walk_bytes(room));
  into.walk = std::move(said);
  if (found != peers_.end() && found->second.is_present)
    found->second.repair.lacking.add(std::move(wanted));
}

void gossip::answer_comparison(const incoming& in, std::string_view state, answer& into) {
  const auto& step = *in.head.comparison;
  if (in.wanted) {
    crdt::value mine{step.key.type};
    if (!state.empty())
      mine = std::get<crdt::value>(crdt::value::decode(state));
    answering_.emplace(in.head.from, step.number, step.key,
                       value_snapshot{digests_, step.key, std::move(mine)});
  }
  answering_age_ = 0;
  if (!answering_ || !answering_->is(in.head.from, step)) {
    into.verdict = verdict::start_over;
  } else if (std::holds_alternative<snapshot_rows>(step.what)) {
    if (in.items.empty())
      into.verdict = verdict::start_over;
    answering_.reset();
  } else {
    const auto found = peers_.find(in.head.from);
    const auto room = found == peers_.end() ? limits_.message_bytes : found->second.room;
    answering_->answer_to(step, walk_bytes(room), room, into);
  }
}

} // namespace starling::replication
