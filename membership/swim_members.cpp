// The table, and what follows from its changes: suspicion, verdicts, refutation, conflicts.

#include "membership/swim.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace starling::membership {

namespace {

constexpr duration complaint_interval = std::chrono::minutes{1};

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

/// 64 bits that choose the witnesses of a suspicion, alike on all nodes.
std::uint64_t lot(const node_id& witness, const member& accused) {
  return digest_of({witness, accused.status, std::nullopt}) ^ digest_of({accused.id, {}, {}});
}

} // namespace

bool swim::is_ahead_of_clock(const incarnation& at) const {
  const auto tolerated =
      static_cast<std::uint64_t>(settings_.clock_tolerance / std::chrono::milliseconds{1});
  return at.generation > std::max(clock(), self().status.at.generation) + tolerated;
}

/// What was taken in once stays: clocks are set, and a member does not end with that.
bool swim::is_far_ahead(const node_id& id, const incarnation& at) const {
  if (!is_ahead_of_clock(at))
    return false;
  const auto* known = table_.find(id);
  return known == nullptr || at.generation > known->record.status.at.generation;
}

void swim::refuse_far_ahead(const member& said, const std::string& where) {
  ++totals_.dropped_ahead;
  auto why = refusal_of(said.status.at);
  why.name = said.profile ? said.profile->name : "";
  refusing_.note(where, why, now_);
  if (complained_ && now_ - *complained_ < complaint_interval)
    return;
  complained_ = now_;
  out_.events.push_back(
      {.kind = event_kind::refusing, .who = said, .where = where, .why = describe(why)});
}

void swim::take(const member& said, duration age) {
  if (is_far_ahead(said.id, said.status.at)) {
    refuse_far_ahead(said, said.profile ? said.profile->address : to_string(said.id));
    return;
  }
  if (said.id == id_)
    return take_about_self(said);
  if (table_.is_forgotten(said)) {
    if (is_up(said.status) && said.profile)
      tell_forgotten(said);
    return;
  }
  const auto* known = table_.find(said.id);
  const bool is_new = known == nullptr;
  const bool was_live = is_live(said.id);
  const bool brings_life = !was_live && is_up(said.status);
  // Somebody of whom nothing but his name is known cannot be asked; an exchange brings the rest. Of
  // the dead the name is enough, so that nothing stale revives them.
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
    after_change(said.id, before, !is_new, changed);
}

void swim::after_change(const node_id& id, const status& before, bool was_known,
                        const change& what) {
  const auto& e = *table_.find(id);
  const auto& now = e.record.status;
  const bool lives = is_up(now);
  if (what.status || (what.profile && lives))
    last_change_ = now_;
  if (!knew_nobody_)
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
    became_gone(id);
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
      witness(e.record);
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
  // Anywhere in what is left of the round, so that it is probed within the same bound as the rest.
  round_.insert(round_.begin() + static_cast<std::ptrdiff_t>(random_.below(round_.size() + 1)), id);
  emit(event_kind::joined, e.record);
  check_address(e.record);
}

void swim::became_gone(const node_id& id) {
  const auto& record = table_.find(id)->record;
  std::erase(live_, id);
  std::erase(suspects_, id);
  std::erase(round_, id);
  live_contacts_.erase(id);
  if (address_rival_ == id)
    end_rivalry();
  if (is_ahead_of_clock(record.status.at))
    next_sweep_ = now_;
  auto e =
      event{.kind = record.status.is == member_state::left ? event_kind::left : event_kind::failed,
            .who = record,
            .own_verdict = own_verdict_};
  out_.events.push_back(std::move(e));
}

void swim::check_address(const member& m) {
  if (m.profile->udp == profile_.udp) {
    if (m.profile->written.generation < profile_.written.generation) {
      // Who lived here before us; unless it insists.
      if (evicted_ == m.id) {
        if (!address_rival())
          emit(event_kind::address_conflict, m);
        contested_by_ = m.id;
        contested_ = now_;
        return; // whose address it is, probes have to find out
      }
      evicted_ = m.id;
      return declare_dead(m.id);
    }
    if (address_rival_ != m.id && !address_rival())
      emit(event_kind::address_conflict, m);
    address_rival_ = m.id;
    contested_by_ = m.id;
    contested_ = now_;
  } else if (address_rival_ == m.id) {
    end_rivalry();
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

void swim::end_rivalry() {
  address_rival_.reset();
  refute_wait_ = duration{0};
  refute_not_before_ = now_;
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
  take(said);
}

void swim::time_suspicion(const node_id& id) {
  auto& c = live_contacts_.find(id)->second;
  const auto accusers = isolated_ ? 1 : table_.find(id)->record.status.accusers.size();
  c.verdict = c.suspected + suspicion_timeout(settings_, live_members(), accusers);
}

void swim::witness(const member& accused) {
  if (!settings_.with.witnesses || leaving_ || accused.status.accusers.contains(id_))
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
  own_verdict_ = true;
  const auto knew_nobody = std::exchange(knew_nobody_, false); // of this the others do not know
  take({id, {e->record.status.at, member_state::dead, {}}, std::nullopt});
  knew_nobody_ = knew_nobody;
  own_verdict_ = false;
}

void swim::end_suspicions() {
  if (leaving_)
    return;
  std::vector<node_id> due;
  for (const auto& id : suspects_)
    if (live_contacts_.find(id)->second.verdict <= now_)
      due.push_back(id);
  for (const auto& id : due)
    declare_dead(id);
}

// -- ourselves --

void swim::take_about_self(const member& said) {
  const auto own = self().status;
  look_for_forgotten_life(said);
  // In the order by which all others choose between the two profiles.
  if (said.profile && said.profile->session != profile_.session && *said.profile > profile_)
    return yield_id(said);
  if (said.status.at < own.at || (said.status.at == own.at && said.status.is <= own.is))
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
  if (address_rival_) {
    // The process at our address answers for somebody else, so we will be accused again: contradict
    // ever more slowly.
    if (now_ < refute_not_before_) {
      pending_refutation_ = std::max(accused, pending_refutation_.value_or(accused));
      return;
    }
    refute_wait_ =
        std::clamp(2 * refute_wait_, settings_.contest_wait_min, settings_.contest_wait_max);
    refute_not_before_ = now_ + refute_wait_;
  }
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
  const member own{id_, {at, leaving_ ? member_state::left : member_state::alive, {}}, profile_};
  table_.join(own, now_);
  last_change_ = now_;
  queue_.add(id_, leaving_ ? dissemination::urgency::leave : dissemination::urgency::refutation,
             sends_of_an_update(settings_, live_members()));
}

void swim::yield_id(const member& rival) {
  // A copy of our disk or machine started later and holds the id. We go on as somebody new.
  take_another_id(self().status.at.generation);
  emit(event_kind::id_conflict, rival);
  take(rival);
}

void swim::take_another_id(std::uint64_t generation) {
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
  take_another_id(std::max<std::uint64_t>(clock(), 1));
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
    // A copy of us. Whoever is older learns of it by the record of the other.
    if (h.at.generation < self().status.at.generation && now_ - start_ > settings_.sync_interval)
      note_copy(h.session);
    return;
  }
  const auto* e = table_.find(h.from);
  if (e == nullptr)
    return;
  if (h.leaving) {
    if (e->record.status.is != member_state::left || e->record.status.at < h.at)
      take({h.from, {h.at, member_state::left, {}}, std::nullopt});
    return;
  }
  // Only the node itself raises its incarnation, so the packet proves the refutation.
  if (settings_.with.headers_prove_life && h.at > e->record.status.at && e->record.profile &&
      e->record.profile->written.generation == h.at.generation)
    take({h.from, {h.at, member_state::alive, {}}, std::nullopt});
  // It started anew and has not been heard of; what it is now it has to say itself.
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

/// Others hold alive whom we held dead for so long that it is forgotten. It may not know us either,
/// and nobody else knows what we believe: so it is told, and refutes.
void swim::tell_forgotten(const member& said) {
  if (leaving_ || !may_tell_dead(said.id))
    return;
  const auto at = table_.forgotten_at(said.id);
  send_bare(said.profile->udp, packet_kind::gossip, {},
            member{said.id, {at, member_state::dead, {}}, {}});
}

duration swim::sweep_interval() const {
  return std::clamp<duration>(settings_.dead_retention / 16, std::chrono::seconds{1},
                              std::chrono::minutes{1});
}

void swim::forget_old() {
  // What was believed of the dead while the clock was ahead, and nobody else does.
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
