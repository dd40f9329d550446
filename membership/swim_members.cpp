// The table, and what follows from its changes: suspicion, verdicts, refutation, conflicts.

#include "membership/swim.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace starling::membership {

namespace {

dissemination::urgency urgency_of(member_state s) {
  switch (s) {
  case member_state::alive:
    return dissemination::urgency::alive;
  case member_state::suspect:
    return dissemination::urgency::suspect;
  case member_state::dead:
    return dissemination::urgency::dead;
  case member_state::left:
    return dissemination::urgency::leave;
  }
  return dissemination::urgency::alive;
}

bool is_up(const status& s) {
  return s.is == member_state::alive || s.is == member_state::suspect;
}

/// 64 bits that choose who confirms a suspicion, alike on all nodes.
std::uint64_t lot(const node_id& confirmer, const member& accused) {
  return digest_of({confirmer, accused.status, std::nullopt}) ^ digest_of({accused.id, {}, {}});
}

} // namespace

bool swim::is_ahead_of_clock(const incarnation& at) const {
  const auto tolerated =
      static_cast<std::uint64_t>(settings_.clock_tolerance / std::chrono::milliseconds{1});
  return at.generation > std::max(clock(), self().status.at.generation) + tolerated;
}

/// A generation that was accepted once stays accepted: our clock may be set back later, and no
/// member is lost by that.
bool swim::is_far_ahead(const node_id& id, const incarnation& at) const {
  if (!is_ahead_of_clock(at))
    return false;
  const auto* known = table_.find(id);
  return known == nullptr || at.generation > known->record.status.at.generation;
}

/// Whether the member says that it speaks no version of the protocol that this node speaks.
bool swim::is_of_other_versions(const member& said) const {
  return said.profile && !wire::common(profile_.abilities.speaks, said.profile->abilities.speaks);
}

/// Joins what somebody says of a member into the table, and does what follows from that. The cases,
/// in this order:
///
///  1. The generation is far ahead of our clock: refused, whoever says it. A node that believed it
///     could never contradict it.
///  2. The member speaks no version of the protocol that this node speaks: refused, for it cannot
///     be asked. A record of an earlier life, in another version, is left to the probes.
///  3. The record is about this node: nothing is joined, for only this node says what it is. It is
///     contradicted if it claims something worse, and yields its id to a copy of itself.
///  4. The member was forgotten, and the record is not newer than what was forgotten: ignored, or
///     the dead would come back. If the record says that the member lives, the member is told.
///  5. The record brings a member to life, and nothing but its id is known here: ignored, since it
///     could not be asked. An exchange of tables brings the rest.
///  6. There are as many members as allowed, and this would be one more: ignored and counted.
///  7. Otherwise the record is joined. If that changed something, `after_change` draws the
///     conclusions. A dead member of whom only the id is known is joined, too, so that nothing
///     stale revives it.
void swim::join_record(const member& said, source from, duration age) {
  if (is_far_ahead(said.id, said.status.at)) {
    refuse_far_ahead(said, said.profile ? said.profile->address : to_string(said.id));
    return;
  }
  if (said.id != id_ && is_of_other_versions(said)) {
    refuse_other_versions(said);
    return;
  }
  if (said.id == id_)
    return hear_about_self(said, from);
  if (table_.is_forgotten(said)) {
    if (is_up(said.status) && said.profile)
      tell_forgotten(said);
    return;
  }
  const auto* known = table_.find(said.id);
  const bool is_new = known == nullptr;
  const bool was_live = is_live(said.id);
  const bool brings_life = !was_live && is_up(said.status);
  if (brings_life && !said.profile && (is_new || !known->record.profile))
    return;
  if ((brings_life && live_.size() + 1 >= settings_.max_members) ||
      (is_new && table_.size() >= settings_.max_members + settings_.max_dead)) {
    ++totals_.dropped_full;
    return;
  }
  const auto before = is_new ? status{} : known->record.status;
  const auto changed = table_.join(said, now_ - age);
  if (changed.any())
    after_change(said.id, before, !is_new, changed, from);
}

/// What follows from a change of a record. The cases:
///
///  1. The member was gone and lives now: it joins the members that are probed. If it claims the
///     address of this node it may be declared dead at once, and then nothing else is to be done.
///  2. The member was live and is gone: it leaves them.
///  3. The member is live as before, and has another profile: it may be elsewhere.
///
/// Then, of a live member only:
///
///  4. It is suspect, by a new suspicion: the time of that begins, and this node may be one of the
///     members that look for themselves. A further accuser shortens the suspicion that runs.
///  5. It is suspect no longer: it has contradicted.
void swim::after_change(const node_id& id, const status& before, bool was_known, const change& what,
                        source from) {
  const auto& e = *table_.find(id);
  const auto& now = e.record.status;
  const bool lives = is_up(now);
  if (what.status || (what.profile && lives))
    last_change_ = now_;
  // While nobody else is live, there is nobody to pass a list on to but its sender, who has it.
  if (from != source::first_list)
    tell_of(e.record, what);

  const bool was_live = is_live(id);
  if (!was_live) {
    if (!lives)
      return;
    if (was_known && before.is == member_state::dead && before.at.generation == now.at.generation)
      ++totals_.false_alarms;
    const bool is_another = was_known && before.at.generation != now.at.generation;
    if (is_another || what.profile)
      doubts_.erase(id); // it may be reached where it is now
    else
      note_contradiction(e.record);
    became_live(e);
    if (!is_live(id))
      return; // it claimed our address
  } else if (!lives) {
    if (now.is == member_state::dead)
      ++totals_.failures;
    became_gone(id, from);
    if (now.is == member_state::left)
      doubts_.erase(id);
    return;
  } else if (what.profile) {
    emit(event_kind::updated, e.record);
    doubts_.erase(id);
    check_address(e.record);
    if (!is_live(id))
      return;
  }

  auto& c = live_contacts_.find(id)->second;
  if (now.is == member_state::suspect) {
    const bool is_another = what.status && was_live && before.is == member_state::suspect;
    if (!c.is_suspected || is_another) {
      if (!c.is_suspected) {
        suspects_.push_back(id);
        emit(event_kind::suspected, e.record);
      }
      c.is_suspected = true;
      c.suspected = now_;
      c.excused = duration{0};
      confirm_suspicion(e.record);
    }
    time_suspicion(id);
  } else if (c.is_suspected) {
    c.is_suspected = false;
    std::erase(suspects_, id);
    emit(event_kind::recovered, e.record);
    note_contradiction(e.record);
  }
}

void swim::tell_of(const member& m, const change& what) {
  const auto members = live_members();
  const auto sends = sends_of_an_update(settings_, members);
  if (what.status || (what.profile && is_up(m.status)))
    queue_.add(m.id, urgency_of(m.status.is), sends);
  // Later accusers make a suspicion no shorter, so nobody needs to hear of them.
  else if (what.accusers &&
           m.status.accusers.size() <= confirmations_wanted(settings_, members) + 1)
    queue_.extend(m.id, urgency_of(m.status.is), (sends + 1) / 2);
}

void swim::became_live(const member_table::entry& e) {
  const auto id = e.record.id;
  live_.push_back(id);
  live_contacts_.try_emplace(id);
  // The member gets a random place in the rest of the round, so that it is probed within the same
  // bound as the others.
  round_.insert(round_.begin() + static_cast<std::ptrdiff_t>(random_.below(round_.size() + 1)), id);
  emit(event_kind::joined, e.record);
  check_address(e.record);
}

void swim::became_gone(const node_id& id, source from) {
  const auto& record = table_.find(id)->record;
  std::erase(live_, id);
  std::erase(suspects_, id);
  std::erase(round_, id);
  live_contacts_.erase(id);
  contest_.withdrawn(id, now_);
  if (is_ahead_of_clock(record.status.at))
    next_sweep_ = now_;
  auto e =
      event{.kind = record.status.is == member_state::left ? event_kind::left : event_kind::failed,
            .who = record,
            .own_verdict = from == source::own_verdict};
  out_.events.push_back(std::move(e));
}

void swim::check_address(const member& m) {
  if (m.profile->udp == profile_.udp) {
    const bool is_older = m.profile->written.generation < profile_.written.generation;
    const bool is_news = !address_rival();
    const auto claim = contest_.claimed(m.id, is_older, now_);
    if (claim == address_contest::claim::of_predecessor)
      return declare_dead(m.id);
    if (is_news && claim != address_contest::claim::repeated)
      emit(event_kind::address_conflict, m);
    if (claim == address_contest::claim::insisted)
      return; // whose address it is, probes have to find out
  } else {
    contest_.withdrawn(m.id, now_);
  }
  // Two members at one address: ask for both, and see who answers.
  bool shared = false;
  for (const auto& other : live_)
    if (other != m.id && table_.find(other)->record.profile->udp == m.profile->udp) {
      start_probe(other, true);
      shared = true;
    }
  if (shared)
    start_probe(m.id, true);
}

// -- suspicion --

void swim::suspect_member(const node_id& id) {
  const auto* e = table_.find(id);
  if (e == nullptr || !is_live(id))
    return;
  member said{id, e->record.status, std::nullopt};
  if (said.status.is == member_state::alive)
    ++totals_.suspicions;
  said.status.is = member_state::suspect;
  // A node that doubts itself warns of others, but confirms nothing.
  if (health_ < 2)
    said.status.accusers.insert(id_);
  join_record(said, source::own_suspicion);
}

void swim::time_suspicion(const node_id& id) {
  auto& c = live_contacts_.find(id)->second;
  const auto accusers = silence_.is_cut_off() ? 1 : table_.find(id)->record.status.accusers.size();
  c.verdict = c.suspected + suspicion_timeout(settings_, live_members(), accusers);
}

void swim::confirm_suspicion(const member& accused) {
  if (!settings_.with.confirmers || is_leaving() || accused.status.accusers.contains(id_))
    return;
  // The members with the lowest lots look for themselves at once, instead of when their round gets
  // there: so a suspicion is confirmed, or the suspect warned, within one more probe.
  const auto wanted = confirmations_wanted(settings_, live_members());
  const auto mine = lot(id_, accused);
  std::size_t lower = 0;
  for (const auto& other : live_)
    if (other != accused.id && !accused.status.accusers.contains(other) &&
        lot(other, accused) < mine)
      ++lower;
  if (lower < wanted)
    start_probe(accused.id, true);
}

void swim::declare_dead(const node_id& id) {
  const auto* e = table_.find(id);
  if (e == nullptr || !is_live(id))
    return;
  ++totals_.verdicts;
  join_record({id, {e->record.status.at, member_state::dead, {}}, std::nullopt},
              source::own_verdict);
}

void swim::end_suspicions() {
  if (is_leaving())
    return;
  std::vector<node_id> due;
  for (const auto& id : suspects_)
    if (live_contacts_.find(id)->second.verdict <= now_)
      due.push_back(id);
  for (const auto& id : due)
    declare_dead(id);
}

// -- ourselves --

void swim::hear_about_self(const member& said, source from) {
  const auto own = self().status;
  look_for_forgotten_life(said);
  // All others choose between the two profiles by this order.
  if (said.profile && said.profile->session != profile_.session && *said.profile > profile_)
    return yield_id(said, from);
  if (!overrides(said.status, own))
    return; // out of date, or what we say ourselves
  refute(said.status.at);
}

void swim::look_for_forgotten_life(const member& said) {
  if (last_generation_ == 0 || said.status.at.generation <= last_generation_ ||
      said.status.at.generation >= first_generation_)
    return;
  last_generation_ = 0; // once is enough
  emit(event_kind::life_forgotten, said);
}

void swim::refute(const incarnation& accused) {
  if (accused < self().status.at)
    return;
  if (!contest_.may_refute(accused, now_))
    return;
  ++totals_.refutations;
  publish_self(accused.next(), false);
  change_health(1);
  emit(event_kind::refuted, self());
  was_accused();
}

void swim::publish_self(const incarnation& at, bool is_renewed) {
  // A refutation says nothing new about us, and a generation begins with a profile.
  if (is_renewed || at.generation != profile_.written.generation)
    profile_.written = at;
  const member own{
      id_, {at, is_leaving() ? member_state::left : member_state::alive, {}}, profile_};
  table_.join(own, now_);
  last_change_ = now_;
  queue_.add(id_, is_leaving() ? dissemination::urgency::leave : dissemination::urgency::refutation,
             sends_of_an_update(settings_, live_members()));
}

void swim::yield_id(const member& rival, source from) {
  // A copy of our disk or machine started later and holds the id. We go on as somebody new.
  draw_another_id(self().status.at.generation);
  emit(event_kind::id_conflict, rival);
  join_record(rival, from);
}

void swim::draw_another_id(std::uint64_t generation) {
  queue_.remove(id_);
  const auto high = random_.bits();
  const auto low = random_.bits();
  id_ = node_id::from(high, low);
  publish_self({generation, 0}, true);
}

/// Milliseconds since 1970.
std::uint64_t swim::clock() const {
  const auto uptime = static_cast<std::uint64_t>((now_ - start_) / std::chrono::milliseconds{1});
  return wall_clock_at_start_ + uptime;
}

/// This node started while its clock was ahead, and others refuse it for that. A lower generation
/// needs another id.
void swim::end_generation_ahead(duration most) {
  const auto tolerated = static_cast<std::uint64_t>(most / std::chrono::milliseconds{1});
  if (self().status.at.generation <= clock() + tolerated)
    return;
  const auto former = self();
  draw_another_id(std::max<std::uint64_t>(clock(), 1));
  // An earlier life of the id, before the clock was wrong, is dead for the others; so it is to be
  // for this node.
  table_.forget_life(former.id, last_generation_, now_);
  first_generation_ = self().status.at.generation;
  last_generation_ = 0;
  refused_by_.clear();
  emit(event_kind::clock_was_ahead, former);
  seeds_.hurry(now_);
  next_sweep_ = now_;
}

// -- others --

void swim::notice_sender(const packet_header& h, const udp_address& from) {
  if (h.from == id_) {
    // Another process has our id. The older of the two learns of that by the record of the newer.
    if (h.at.generation < self().status.at.generation && now_ - start_ > settings_.sync_interval)
      note_copy(h.session);
    return;
  }
  const auto* e = table_.find(h.from);
  if (e == nullptr)
    return;
  if (h.leaving) {
    if (e->record.status.is != member_state::left || e->record.status.at < h.at)
      join_record({h.from, {h.at, member_state::left, {}}, std::nullopt}, source::packet);
    return;
  }
  // Only the node itself raises its incarnation, so the packet proves the refutation.
  if (settings_.with.headers_prove_life && h.at > e->record.status.at && e->record.profile &&
      e->record.profile->written.generation == h.at.generation)
    join_record({h.from, {h.at, member_state::alive, {}}, std::nullopt}, source::packet);
  // The sender started anew, and its new profile is not known here. Only the sender can tell it.
  if (e->record.profile && h.at.generation > e->record.profile->written.generation &&
      now_ >= next_digest_sync_) {
    next_digest_sync_ = now_ + settings_.probe_interval;
    sync_with(e->record.profile->address, std::nullopt, h.from, 0);
  }
  if (const auto c = live_contacts_.find(h.from); c != live_contacts_.end())
    c->second.health = h.health;
  else if (e->record.status.at >= h.at && !is_up(e->record.status) && e->record.profile &&
           e->record.profile->udp == from)
    tell_dead(h.from, from);
}

void swim::note_copy(const session_id& other) {
  if (known_copy_ == other)
    return;
  known_copy_ = other;
  emit(event_kind::id_conflict, self());
}

bool swim::may_tell_dead(const node_id& id) {
  auto [told, is_new] = told_dead_.try_emplace(id, now_);
  if (!is_new && now_ - told->second < settings_.notice_interval)
    return false;
  told->second = now_;
  return true;
}

void swim::tell_dead(const node_id& id, const udp_address& to) {
  if (may_tell_dead(id))
    send(to, packet_kind::gossip, {}, &id, false);
}

/// Others say that a member lives which we held dead for so long that it is forgotten here. Nobody
/// else knows what we believe of it, and the member may not know us. So we tell it, and it refutes.
void swim::tell_forgotten(const member& said) {
  if (is_leaving() || !may_tell_dead(said.id))
    return;
  const auto at = table_.forgotten_at(said.id);
  send_bare(said.profile->udp, version_for(said.profile->abilities.speaks), packet_kind::gossip, {},
            member{said.id, {at, member_state::dead, {}}, {}});
}

duration swim::sweep_interval() const {
  return std::clamp<duration>(settings_.dead_retention / 16, std::chrono::seconds{1},
                              std::chrono::minutes{1});
}

void swim::forget_old() {
  // Records of the dead that were accepted while our clock was ahead: nobody else accepts them.
  std::vector<node_id> incredible;
  for (const auto& [id, e] : table_.entries())
    if (id != id_ && !is_live(id) && is_ahead_of_clock(e.record.status.at))
      incredible.push_back(id);
  for (const auto& id : incredible) {
    table_.erase(id);
    queue_.remove(id);
  }
  std::vector<std::pair<duration, node_id>> gone;
  for (const auto& [id, e] : table_.entries())
    if (id != id_ && !is_live(id))
      gone.emplace_back(e.since, id);
  std::ranges::sort(gone);
  auto left = gone.size();
  for (const auto& [since, id] : gone) {
    if (now_ - since <= settings_.dead_retention && left <= settings_.max_dead)
      break;
    table_.forget(id, now_);
    told_dead_.erase(id);
    queue_.remove(id);
    --left;
  }
  table_.prune_forgotten(now_, settings_.forgotten_retention, settings_.max_forgotten);
  std::erase_if(told_dead_,
                [this](const auto& one) { return now_ - one.second > settings_.notice_interval; });
}

} // namespace starling::membership
