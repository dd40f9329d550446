#include "sim/membership/liveness.hpp"

#include <algorithm>
#include <cmath>

namespace starling::simulation {

namespace {

using membership::event_kind;
using membership::member_state;
using membership::packet_kind;
using std::chrono::milliseconds;
using std::chrono::seconds;

bool is_up(const membership::status& s) {
  return s.is == member_state::alive || s.is == member_state::suspect;
}

bool is_of_one_machine(fault_kind k) {
  return !is_of_network(k) && k != fault_kind::mass_restart && k != fault_kind::rolling_restart &&
         k != fault_kind::rolling_rejoin && k != fault_kind::seeds_out &&
         k != fault_kind::seeds_gone && k != fault_kind::swap_clusters &&
         k != fault_kind::attacker && k != fault_kind::short_memory && k != fault_kind::set_back;
}

/// Whether all that there is to it happens when it begins: for the others a member is there or not.
bool is_over_at_once(const fault& f) {
  return f.kind == fault_kind::crash || f.kind == fault_kind::crash_for_good ||
         f.kind == fault_kind::crash_lost || f.kind == fault_kind::leave;
}

} // namespace

liveness::liveness(timeline& time, chronicle& log, const safety& names,
                   const membership::settings& s, const std::vector<fault>& faults,
                   std::size_t nodes, const processes& all, resolver resolve, int slack_percent)
    : time_(time), log_(log), names_(names), settings_(s), faults_(faults), nodes_(nodes),
      all_(all), resolve_(std::move(resolve)), slack_percent_(slack_percent) {}

/// A suspicion with one accuser. By a formula of our own: the core's may be wrong.
duration liveness::longest_suspicion(std::size_t members) const {
  const auto intervals = settings_.suspicion_multiplier *
                         std::max(1.0, std::log10(static_cast<double>(members))) *
                         (members > 2 ? settings_.suspicion_max_multiplier : 1);
  return duration{static_cast<duration::rep>(
      intervals * static_cast<double>(settings_.probe_interval.count()))};
}

bool liveness::has_fault(fault_kind k) const {
  return std::ranges::any_of(faults_, [k](const fault& f) { return f.kind == k; });
}

// -- as things happen --

void liveness::before(const process& p) {
  nacks_before_ = p.core.totals().nacks_received;
}

void liveness::after(const process& p, const input& what) {
  for (const auto& e : p.core.out().events) {
    if (e.kind == event_kind::failed)
      check_failure(p, e);
    if (e.kind == event_kind::refuted)
      check_refutation(p);
    if (e.kind == event_kind::left_cluster && e.acknowledged > 0)
      check_leave(p, e.who);
  }
  if (what.packet == nullptr || what.packet->spoiled)
    return;
  const auto& from = *static_cast<const origin*>(what.packet->note.get());
  if (from.is != origin::kind::honest || from.cluster != p.born.cluster)
    return;
  const auto s = sketch(*what.packet->bytes);
  switch (s.kind) {
  case packet_kind::ack:
  case packet_kind::gone:
    answered_[{p.born.number, s.number}] = time_.now();
    break;
  case packet_kind::ping_req: {
    const auto found = asked_.find({from.sender, s.number, what.packet->to});
    if (found != asked_.end() && found->second.arrived == duration{0})
      found->second.arrived = time_.now();
    break;
  }
  case packet_kind::nack:
    check_nack(p, *what.packet, s);
    break;
  default:
    break;
  }
}

void liveness::sends(const process& p, const membership::packet& sent) {
  const auto s = sketch(sent.bytes);
  if (s.kind != packet_kind::ping_req)
    return;
  question asked{.sent = time_.now(), .target = s.target};
  for (const auto& peer : p.core.peers())
    if (is_up(peer.record->status) && peer.record->profile->udp == sent.to)
      asked.helper = peer.record->id;
  asked_[{p.born.number, s.number, address_of(sent.to)}] = asked;
}

void liveness::is_answered(const process& p, membership::call_kind kind) {
  if (kind == membership::call_kind::ping)
    http_answered_[p.born.number] = time_.now();
}

/// L7: the nack of a live helper always precedes the end of the probe. It may be late if the
/// network took longer than the margin that the helper leaves, if somebody was paused or busy, or
/// if the two clocks do not agree on how long the budget is.
void liveness::check_nack(const process& p, const datagram& d, const packet_sketch& s) {
  const auto found = asked_.find({p.born.number, s.number, d.from});
  if (found == asked_.end() || found->second.arrived == duration{0} ||
      answered_.contains({p.born.number, s.number}) || p.core.is_leaving() ||
      std::exchange(found->second.answered, true))
    return;
  const auto& asked = found->second;
  // Somebody else is at the helper's address, and was not asked.
  if (asked.helper != static_cast<const origin*>(d.note.get())->id)
    return;
  // Who was found to be gone in the meantime is not probed any more.
  const auto* target = p.core.table().find(asked.target);
  if (target == nullptr || !is_up(target->record.status))
    return;
  const auto sent = static_cast<const origin*>(d.note.get())->sent;
  const auto under_way = (asked.arrived - asked.sent) + (time_.now() - sent);
  const auto http = http_answered_.find(p.born.number);
  const bool disturbed = std::ranges::any_of(faults_, [&](const fault& f) {
    return (f.at <= time_.now() && f.end() + seconds{1} >= asked.sent && !is_slight(f)) ||
           f.kind == fault_kind::drift;
  });
  if (disturbed || under_way > milliseconds{40} ||
      (http != http_answered_.end() && http->second >= asked.sent))
    return;
  log_.weigh("L7");
  if (p.core.totals().nacks_received == nacks_before_)
    log_.complain("L7", names_.name(p),
                  "a nack came after the end of the probe that it was for, " +
                      to_text(time_.now() - asked.sent) + " s after the question");
}

/// Whether this fault can be why a running member was declared dead.
bool liveness::could_excuse_failure(const fault& f, std::size_t members,
                                    const process& failed) const {
  if (is_slight(f))
    return false;
  const bool is_its_own = f.who == failed.born.machine || failed.born.machine >= nodes_;
  switch (f.kind) {
  case fault_kind::pause_io:
  case fault_kind::pause_process:
    // S12 proper: somebody else was paused, for at most half of the longest suspicion.
    return is_its_own || f.lasts > longest_suspicion(members) / 2;
  case fault_kind::clock_ahead:
    return true; // whom nobody takes for a member gets no answers
  case fault_kind::slow_cpu:
    return true; // whoever is slow accuses others, and is slow to hear that they live
  default:
    return is_of_one_machine(f.kind)
               ? is_its_own
               : f.kind != fault_kind::seeds_out && f.kind != fault_kind::short_memory;
  }
}

/// S12: nobody reports a healthy member failed, whoever else was paused for up to half of the
/// longest suspicion, crashed, left or moved.
void liveness::check_failure(const process& p, const membership::event& e) {
  const auto failed = std::ranges::find_if(all_, [&](const auto& other) {
    return other->is_running() && other->core.self().id == e.who.id;
  });
  if (failed == all_.end() || (*failed)->core.is_leaving() ||
      (*failed)->core.self().status.at.generation != e.who.status.at.generation)
    return;
  const auto since = time_.now() - with_slack(longest_suspicion(nodes_)) - seconds{10};
  // As the judge saw it: in a group of two no suspicion is ever long, and who only hears of the
  // verdict does not know how large the group was.
  const auto members = e.own_verdict ? p.core.live_members() + 1 : 2;
  const bool excused = std::ranges::any_of(faults_, [&](const fault& f) {
    return f.at <= time_.now() && f.end() >= since && could_excuse_failure(f, members, **failed);
  });
  if (!excused)
    log_.complain("S12", names_.name(p),
                  "reports " + names_.name(**failed) + " failed, which is well");
}

/// Whether all that goes wrong in this time is slight, or harmless in the eyes of who asks.
bool liveness::is_calm(duration from, duration to,
                       const std::function<bool(const fault&)>& is_harmless) const {
  return std::ranges::none_of(faults_, [&](const fault& f) {
    return f.at <= to && f.end() >= from && !is_slight(f) && f.kind != fault_kind::short_memory &&
           f.kind != fault_kind::seeds_out && f.kind != fault_kind::seeds_gone && !is_harmless(f);
  });
}

/// L4: a refutation is known everywhere within three probe intervals, at 10 percent loss: if until
/// then all run and reach each other, and have done the latter for a while before.
void liveness::check_refutation(const process& p) {
  const auto begin = time_.now();
  const auto allowed = with_slack(3 * settings_.probe_interval);
  time_.after(allowed, [this, &p, begin, allowed, id = p.core.self().id,
                        at = p.core.self().status.at] {
    const auto is_only_of_one = [](const fault& f) {
      return is_of_one_machine(f.kind) && f.kind != fault_kind::clone &&
             f.kind != fault_kind::clock_ahead;
    };
    if (!is_calm(begin - seconds{60}, begin + allowed, is_only_of_one) ||
        !is_calm(begin, begin + allowed, is_over_at_once) || !p.is_running())
      return;
    log_.weigh("L4");
    std::vector<const process*> unaware;
    for (const auto& other : all_) {
      if (!other->is_running() || other->core.is_leaving() || other->born.cluster != p.born.cluster)
        continue;
      const auto* known = other->core.table().find(id);
      if (known != nullptr && known->record.status.at < at)
        unaware.push_back(other.get());
    }
    // An update is told so often that fewer than one in 1,000 misses a member; digests mend that
    // later.
    if (unaware.size() > 1)
      log_.complain("L4", names_.name(*unaware.front()),
                    "and others have not heard that " + names_.name(p) + " refuted");
  });
}

/// S11: who left, and was told that somebody knows, is soon left in the eyes of all, and not dead.
void liveness::check_leave(const process& p, const membership::member& who) {
  const auto begin = time_.now();
  const auto allowed = with_slack(5 * settings_.probe_interval);
  time_.after(allowed, [this, begin, allowed, who, cluster = p.born.cluster] {
    const auto is_other_leave = [](const fault& f) { return f.kind == fault_kind::leave; };
    if (!is_calm(begin - seconds{20}, begin + allowed, is_other_leave))
      return;
    log_.weigh("S11");
    for (const auto& other : all_) {
      if (!other->is_running() || other->core.is_leaving() || other->born.cluster != cluster)
        continue;
      const auto* known = other->core.table().find(who.id);
      if (known != nullptr && known->record.status.at.generation == who.status.at.generation &&
          known->record.status.is != member_state::left)
        log_.complain("S11", names_.name(*other),
                      "does not know that " + short_text(who.id) + " left, as others do");
    }
  });
}

unsigned liveness::worst_health() const {
  unsigned worst = 0;
  for (const auto& p : all_)
    if (p->is_running())
      worst = std::max(worst, p->core.health());
  return worst;
}

/// By then a crash is known everywhere: the round-robin bound of SWIM (section 4.3) while probes
/// are slower for a while if the prober's health is low, a suspicion with a single accuser, and the
/// telling.
duration liveness::detection_bound() const {
  const auto worst = worst_health();
  auto most = nodes_; // some may come yet, which makes suspicions longer
  for (const auto& p : all_)
    if (p->is_running())
      most = std::max(most, p->core.live_members());
  // Health gets better by one with each probe that is answered.
  const auto slow_probes = worst * (worst + 1) / 2;
  const auto intervals = static_cast<int>(2 * most + slow_probes);
  return with_slack(intervals * settings_.probe_interval + longest_suspicion(most)) + seconds{3};
}

/// L1: a crash is known at all live nodes within the bound.
void liveness::ended(const process& p) {
  const auto begin = time_.now();
  const auto bound = detection_bound();
  view_deadline_ = std::max(view_deadline_, begin + bound);
  time_.after(bound, [this, &p, begin, bound, id = p.core.self().id, at = p.core.self().status.at,
                      born_before = all_.size()] {
    // Who is back answers for its former life, too.
    if (!is_calm(begin - seconds{20}, begin + bound, is_over_at_once) ||
        std::ranges::any_of(all_, [&](const auto& other) {
          return other->is_running() && other->core.self().id == id;
        }))
      return;
    log_.weigh("L1");
    for (const auto& other : all_) {
      if (!other->is_running() || other->core.is_leaving() || other->born.number >= born_before)
        continue;
      const auto* known = other->core.table().find(id);
      if (known != nullptr && is_up(known->record.status) && known->record.status.at <= at)
        log_.complain("L1", names_.name(*other),
                      "holds " + names_.name(p) + " alive, " + to_text(bound) +
                          " s after it ended");
    }
  });
}

// -- at the end --

std::vector<const process*> liveness::members(std::size_t cluster) const {
  std::vector<const process*> result;
  for (const auto& p : all_)
    if (p->is_running() && p->born.cluster == cluster && !p->core.is_leaving())
      result.push_back(p.get());
  return result;
}

/// Whether everybody can find everybody, be it over others: by a record with the right address, or
/// by a seed. Who lost its memory while its only seed was gone for good is lost, unless others look
/// for it; and nobody looks for who has left, once they hear of that.
bool liveness::is_connected(const std::vector<const process*>& running) const {
  const auto has_left = [&](const process& other) {
    return std::ranges::any_of(running, [&](const process* p) {
      const auto* known = p->core.table().find(other.core.self().id);
      return known != nullptr && known->record.status.is == member_state::left;
    });
  };
  const auto knows = [&](const process& p, const process& other) {
    const auto* known = p.core.table().find(other.core.self().id);
    // With a short memory a dead member, or one that is about to be, may be forgotten before it is
    // looked for.
    return (known != nullptr && known->record.profile && !has_left(other) &&
            (known->record.status.is == membership::member_state::alive ||
             !has_fault(fault_kind::short_memory)) &&
            known->record.profile->udp == udp_of(other.where)) ||
           std::ranges::any_of(p.born.seeds, [&](const std::string& seed) {
             return std::ranges::count(resolve_(seed), other.where) > 0;
           });
  };
  std::vector<std::size_t> reached{0};
  std::vector<bool> is_reached(running.size());
  for (std::size_t i = 0; i < reached.size() && i < running.size(); ++i) {
    is_reached[reached[i]] = true;
    for (std::size_t other = 0; other < running.size(); ++other)
      if (!is_reached[other] && (knows(*running[reached[i]], *running[other]) ||
                                 knows(*running[other], *running[reached[i]]))) {
        is_reached[other] = true;
        reached.push_back(other);
      }
  }
  return reached.size() >= running.size();
}

/// How many dead members somebody remembers that will never answer.
std::size_t liveness::ghosts() const {
  std::size_t most = 0;
  for (const auto& p : all_) {
    if (!p->is_running())
      continue;
    const auto count = std::ranges::count_if(p->core.table().entries(), [&](const auto& one) {
      return one.second.record.status.is != member_state::left &&
             std::ranges::none_of(all_, [&](const auto& other) {
               return other->is_running() && other->core.self().id == one.first;
             });
    });
    most = std::max(most, static_cast<std::size_t>(count));
  }
  return most;
}

void liveness::faults_end() {
  for (std::size_t cluster = 0; cluster < 2; ++cluster)
    connected_ = connected_ && is_connected(members(cluster));
  // L3, L5, L6: within 30 s. One dead member is probed every 10 s or so: with some among them that
  // will never answer, it takes longer until the right one is found, or a seed.
  auto allowed = seconds{30};
  if (const auto count = ghosts(); count > 0)
    allowed += seconds{46 * (count + 1)};
  if (has_fault(fault_kind::short_memory))
    allowed += seconds{60}; // only seeds know whom all have forgotten
  view_deadline_ = std::max(view_deadline_, time_.now() + with_slack(allowed));
}

liveness::agreement liveness::agree(std::string* why) const {
  bool is_any_suspected = false;
  for (std::size_t cluster = 0; cluster < 2; ++cluster) {
    const auto running = members(cluster);
    std::set<membership::node_id> truth;
    for (const auto* p : running)
      truth.insert(p->core.self().id);
    if (truth.size() != running.size()) {
      *why = "two processes have one id";
      return agreement::none;
    }
    for (const auto* p : running) {
      std::set<membership::node_id> view;
      for (const auto& [id, entry] : p->core.table().entries()) {
        // Who was only heard of is no member.
        if (!is_up(entry.record.status) || !entry.record.profile)
          continue;
        view.insert(id);
        is_any_suspected |= entry.record.status.is == member_state::suspect;
      }
      if (view == truth)
        continue;
      *why = names_.name(*p) + ":";
      for (const auto& id : truth)
        if (!view.contains(id))
          *why += " lacks " + short_text(id);
      for (const auto& id : view)
        if (!truth.contains(id))
          *why += " has the ghost " + short_text(id);
      return agreement::none;
    }
  }
  *why = "somebody is suspected";
  return is_any_suspected ? agreement::suspicious : agreement::full;
}

bool liveness::digests_are_equal(std::string* why) const {
  for (std::size_t cluster = 0; cluster < 2; ++cluster) {
    const auto running = members(cluster);
    for (const auto* p : running)
      if (p->core.table().digest() != running.front()->core.table().digest()) {
        *why = names_.name(*p) + " and " + names_.name(*running.front()) + " differ:";
        for (const auto& [id, entry] : p->core.table().entries()) {
          const auto* other = running.front()->core.table().find(id);
          if (other == nullptr || digest_of(other->record) != digest_of(entry.record))
            *why += " " + short_text(id) + " " + std::string{to_string(entry.record.status.is)} +
                    "@" + to_string(entry.record.status.at);
        }
        return false;
      }
  }
  return true;
}

/// L2, L3, L5, L6: when all faults are over, every node has every running member of its cluster and
/// no other among the living within the deadline, and within ten more probe intervals all tables
/// are equal. Nobody helps.
bool liveness::is_done() {
  if (!connected_)
    return true;
  std::string why;
  const auto now = agree(&why);
  if (now != agreement::full) {
    // A suspicion of before may still run, and end well or not; but who has agreed does not fall
    // out.
    if (agreed_since_ && now == agreement::none)
      log_.complain("L2", "all", "were of one mind, then not: " + why);
    agreed_since_.reset();
    if (time_.now() > view_deadline_ + with_slack(longest_suspicion(nodes_)))
      log_.complain("L3", "all", "are not of one mind: " + why);
    if (time_.now() > view_deadline_ && now == agreement::none)
      log_.complain("L3", "all", "are not of one mind: " + why);
    return false;
  }
  if (!agreed_since_) {
    agreed_since_ = time_.now();
    // Digests travel on probes, which are rarer by the prober's health.
    const auto intervals = static_cast<int>(10 + 2 * worst_health());
    equal_deadline_ = time_.now() + with_slack(intervals * settings_.probe_interval);
    if (has_fault(fault_kind::short_memory))
      equal_deadline_ += with_slack(settings_.dead_retention) + seconds{5}; // some forget sooner
    log_.weigh("L3");
  }
  const bool equal = digests_are_equal(&why);
  if (!equal && time_.now() > equal_deadline_)
    log_.complain("L2", "all", "have different tables: " + why);
  return equal && time_.now() > *agreed_since_ + seconds{3};
}

} // namespace starling::simulation
