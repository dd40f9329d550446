#include "membership/swim.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace starling::membership {

namespace {

constexpr std::size_t parts_max = 64; // of a packet: more cannot fit

/// Whether a packet goes to the address that a member advertises, and not back to where another
/// packet came from, which gets through firewalls and address translation that the first does not.
bool comes_unasked(packet_kind k) {
  return k == packet_kind::ping || k == packet_kind::ping_req || k == packet_kind::gossip ||
         k == packet_kind::leave;
}

} // namespace

swim::swim(const settings& s, const identity& who, const wire::secret& secret,
           std::vector<std::string> seed_addresses, std::uint64_t random_seed, duration now)
    : settings_(s), secret_(secret), cluster_(secret.cluster_id()),
      id_(who.id), profile_{{who.generation, 0}, who.session,  {}, who.address, who.name,
                            who.http_address,    who.abilities},
      first_generation_(who.generation), last_generation_(who.last_generation),
      wall_clock_at_start_(who.wall_clock), start_(now), random_(random_seed), now_(now),
      replays_(2 * s.max_members),
      seeds_(std::move(seed_addresses), {s.seed_backoff_min, s.seed_backoff_max, s.seed_interval}),
      relays_(s.max_relays), silence_(s.silent_intervals * s.probe_interval),
      stalls_(s.stall_tolerance), contest_({s.contest_wait_min, s.contest_wait_max}) {
  assert(!complaint_about(s));
  // The first number is random: if two nodes used equal numbers, the answer to one node's ping
  // could be taken for the answer to the other's.
  next_number_ = random_.bits() >> 24;
  table_.join({id_, {profile_.written, member_state::alive, {}}, std::nullopt}, now);
}

// -- inputs --

void swim::start(duration now, const udp_address& where) {
  begin(now);
  if (!started_) {
    started_ = true;
    profile_.udp = where;
    assert(is_valid(profile_));
    publish_self(profile_.written, true);
    seeds_.hurry(now_);
    alone_since_ = now_;
    // Spread over the interval, so that nodes that start together do not probe together.
    next_probe_ = now_ + random_.between(duration{0}, settings_.probe_interval);
    next_sync_ = now_ + random_.between(duration{0}, settings_.sync_interval);
    next_dead_probe_ = now_ + settings_.dead_probe_interval;
    next_sweep_ = now_;
    silence_.begin(now_);
    repair_due();
  } else if (where != profile_.udp) {
    profile_.udp = where;
    contest_.moved(now_);
    got_in(); // nothing is known against the new address
    publish_self(self().status.at.next(), true);
    for (const auto& id : std::vector{live_})
      if (is_live(id))
        check_address(table_.find(id)->record);
  }
  finish();
}

void swim::set_wall_clock(duration now, std::uint64_t milliseconds) {
  begin(now);
  const auto uptime = static_cast<std::uint64_t>((now_ - start_) / std::chrono::milliseconds{1});
  wall_clock_at_start_ = milliseconds > uptime ? milliseconds - uptime : 0;
  if (started_)
    end_generation_ahead(settings_.clock_tolerance);
  finish();
}

void swim::tick(duration now) {
  begin(now);
  if (!started_)
    return;
  // The order of the steps matters; each says why it stands where it does.
  //
  // First of all the deadlines are moved by the time in which this process did not run. Each step
  // below would take a deadline that passed meanwhile for the silence of somebody else.
  absorb_stall();
  // Nacks next, and before all packets that nobody waits for: the member that asked for help counts
  // the helpers that do not answer in time against itself.
  relays_due();
  // Probes before silence and verdicts: only a probe that failed makes silence count, and it is
  // what raises a suspicion.
  probe_due();
  // Silence before verdicts: a node that is cut off gives each suspicion its longest time. A
  // suspicion that would end now goes on then.
  check_silence();
  // Verdicts before everything that is sent below: the packets tell of them, and none goes to a
  // member that was just found dead, unless to look for it.
  end_suspicions();
  // A refutation that waited, after verdicts: the death of the rival at our address ends the wait.
  if (const auto accused = contest_.due(now_))
    refute(*accused);
  // A node that leaves says farewell, and does no repair.
  leave_due();
  repair_due();
  // Gossip after all other packets, which carry news as well: it tells what was told least often.
  gossip_due();
  // Forgetting last: the steps above may still tell of a record that goes now.
  if (now_ >= next_sweep_) {
    forget_old();
    forget_refusals();
    forget_misses();
    next_sweep_ = now_ + sweep_interval();
  }
  finish();
}

void swim::receive(duration now, const udp_address& from, std::string_view bytes) {
  begin(now);
  if (!started_)
    return;
  const auto opened = open_packet(secret_, cluster_, bytes, profile_.abilities.speaks);
  if (!opened) {
    switch (opened.error()) {
    case packet_error::malformed:
      ++totals_.dropped_malformed;
      break;
    case packet_error::unknown_version:
      ++totals_.dropped_version;
      break;
    case packet_error::foreign_cluster:
      ++totals_.dropped_foreign;
      break;
    case packet_error::not_authentic:
      ++totals_.dropped_not_authentic;
      break;
    }
    return;
  }
  const auto& p = *opened;
  if (p.header.session == profile_.session) {
    ++totals_.dropped_own;
    return;
  }
  if (!replays_.admit(p.header.session, p.header.counter)) {
    ++totals_.dropped_replayed;
    return;
  }
  ++totals_.packets_received;
  totals_.bytes_received += bytes.size();
  handle(p, from, bytes.size());
  finish();
}

wire::decoded<std::string> swim::answer(duration now, call_kind kind, std::string_view content) {
  begin(now);
  if (!started_)
    return wire::decode_error{"not started yet"};
  wire::reader in{content};
  // Only a ping proves that calls get in to our address. A sync may come to another address, which
  // the name of a seed led to.
  if (kind == call_kind::ping)
    got_in();
  wire::writer out;
  wire::begin_answer(out);
  if (kind == call_kind::sync) {
    const auto head = decode_list_head(in);
    if (in.ok() && !profile_.abilities.speaks.contains(head.version)) {
      const auto why = refuse_version(head);
      finish();
      return encode_answer(why);
    }
    list_sender sender{head.id, std::nullopt};
    const auto full = totals_.dropped_full;
    const auto read = read_table(in, sender);
    if (!read)
      return read.error();
    const auto& list = *read;
    if (const auto own = std::ranges::find(list, sender.id, &member::id); own != list.end())
      if (const auto why = refuse(*own, full != totals_.dropped_full)) {
        finish();
        return encode_answer(*why);
      }
    // The sender started anew. Its disk may not know the life that we knew of, and nobody else will
    // tell the sender.
    const auto* now_known = table_.find(sender.id);
    if (sender.former && now_known != nullptr &&
        sender.former->status.at.generation >= now_known->record.status.at.generation)
      sender.former.reset();
    put_table(out, head.version, &list, sender.former);
    finish();
  } else {
    const auto version = in.u8();
    if (!in.ok() || !profile_.abilities.speaks.contains(version))
      return wire::decode_error{"a ping in a version that this node does not speak"};
    out.u8(version);
    encode(out, self());
  }
  return std::move(out).take();
}

void swim::leave(duration now) {
  begin(now);
  if (!started_ || is_leaving())
    return;
  auto peers = live_;
  random_.shuffle(peers);
  peers.resize(std::min(peers.size(), settings_.leave_members));
  std::vector<farewell::receiver> receivers;
  for (const auto& id : peers)
    receivers.push_back({id, table_.find(id)->record.profile->udp});
  farewell_.emplace(std::move(receivers), next_number_++,
                    farewell::timing{settings_.leave_timeout, settings_.leave_interval}, now_);
  probes_.clear();
  publish_self(self().status.at, false);
  leave_due();
  finish();
}

void swim::rejoin(duration now) {
  begin(now);
  if (!started_ || !is_leaving())
    return;
  farewell_.reset();
  publish_self({self().status.at.generation + 1, 0}, true);
  seeds_.hurry(now_);
  alone_since_ = now_;
  next_probe_ = now_;
  silence_.begin(now_);
  // While this node had left, nobody told it which suspects recovered. So their time begins anew.
  for (const auto& id : suspects_) {
    live_contacts_.find(id)->second.suspected = now_;
    time_suspicion(id);
  }
  finish();
}

void swim::reached(duration now, const std::string& address, bool was_reached) {
  begin(now);
  called(address, was_reached);
  finish();
}

void swim::call_on(duration now, const std::string& address) {
  begin(now);
  if (started_ && !is_leaving() && parse_endpoint(address))
    sync_with(address, std::nullopt, {}, 0);
  finish();
}

// -- outputs --

std::optional<duration> swim::next_tick() const {
  if (!started_)
    return std::nullopt;
  auto next = next_sweep_;
  if (stalls_.is_overdue(now_))
    return now_; // a stall is to be dealt with
  const auto at = [&next](duration when) { next = std::min(next, when); };
  const auto at_if = [&at](const std::optional<duration>& when) {
    if (when)
      at(*when);
  };
  at_if(relays_.next_due());
  for (const auto& p : probes_)
    at(p.indirect ? p.end : p.direct_end);
  if (!is_leaving())
    for (const auto& id : suspects_)
      at(live_contacts_.find(id)->second.verdict);
  if (!queue_.is_empty() && !live_.empty())
    at(next_gossip_);
  at_if(contest_.next_due());
  if (farewell_) {
    at_if(farewell_->next_due());
    return next;
  }
  if (!live_.empty()) {
    at(next_probe_);
    at(next_sync_);
  }
  if (live_.size() >= 2)
    at_if(silence_.next_due());
  at(next_dead_probe_);
  at_if(seeds_.next_due());
  at_if(alone_due());
  return next;
}

std::vector<peer_view> swim::peers() const {
  // The newest generation at each address. Where a live member is, nobody replaces it.
  std::map<udp_address, std::uint64_t> inhabited;
  for (const auto& [id, entry] : table_.entries())
    if (const auto& p = entry.record.profile) {
      auto& newest = inhabited[p->udp];
      newest = std::max(newest, p->written.generation);
    }
  inhabited[profile_.udp] = generation_max;
  for (const auto& id : live_)
    inhabited[table_.find(id)->record.profile->udp] = generation_max;
  std::vector<peer_view> result;
  for (const auto& [id, entry] : table_.entries()) {
    if (id == id_ || !entry.record.profile)
      continue;
    peer_view view{.record = &entry.record, .since = entry.since};
    if (const auto doubt = doubts_.find(id); doubt != doubts_.end())
      view.unreached = doubt->second.is_unreached();
    if (const auto c = live_contacts_.find(id); c != live_contacts_.end()) {
      view.udp = !c->second.paths.are_datagrams_blocked();
      view.tcp = !c->second.paths.are_calls_blocked();
      view.round_trip = c->second.round_trip.average().value_or(duration{0});
      view.tcp_in = !c->second.paths.are_own_calls_blocked();
      view.health = c->second.health;
    } else {
      const auto& p = *entry.record.profile;
      view.replaced = inhabited.find(p.udp)->second > p.written.generation;
    }
    // A probe that failed has tried both ways.
    if (view.unreached)
      view.udp = view.tcp = false;
    result.push_back(view);
  }
  return result;
}

abilities swim::shared_abilities() const {
  auto result = profile_.abilities;
  for (const auto& peer : peers())
    if (peer.record->status.is != member_state::left && !peer.replaced)
      result = meet(result, peer.record->profile->abilities);
  result.others.clear();
  return result;
}

// -- every input --

void swim::begin(duration now) {
  now_ = std::max(now_, now); // packets carry the time of their arrival, which may be a little old
  out_.clear();
}

void swim::finish() {
  check_company();
  if (const auto next = next_tick())
    stalls_.expect(now_, *next);
}

void swim::handle(const opened_packet& p, const udp_address& from, std::size_t bytes) {
  if (p.header.kind == packet_kind::refused)
    return on_refused(p, from);
  // The sender's own generation is refused, so for us the sender is not there.
  if (is_far_ahead(p.header.from, p.header.at)) {
    refuse_far_ahead({p.header.from, {p.header.at, member_state::alive, {}}, std::nullopt},
                     to_string(from));
    return notify_refused(p.header, from, bytes);
  }
  heard();
  if (comes_unasked(p.header.kind))
    got_in();
  notice_sender(p.header, from);
  const bool well_formed =
      for_each_member(p.parts, [this](const member& m) { join_record(m, source::packet); });
  if (!well_formed)
    ++totals_.dropped_malformed;
  switch (p.header.kind) {
  case packet_kind::ping:
    on_ping(p, from);
    break;
  case packet_kind::ack:
    on_ack(p);
    break;
  case packet_kind::ping_req:
    on_ping_req(p, from);
    break;
  case packet_kind::nack:
    on_nack(p);
    break;
  case packet_kind::gossip:
    break;
  case packet_kind::gone:
    on_gone(p, from);
    break;
  case packet_kind::leave:
    on_leave(p, from);
    break;
  case packet_kind::leave_ack:
    on_leave_ack(p);
    break;
  case packet_kind::refused: // see above
  case packet_kind::unknown:
    break;
  }
  note_calls_of(p.header);
  compare_digest(p.header);
}

void swim::absorb_stall() {
  const auto ended = stalls_.end(now_);
  if (!ended)
    return;
  ++totals_.stalls;
  out_.events.push_back({.kind = event_kind::stalled, .who = self(), .how_long = ended->late});
  for (auto& p : probes_)
    p.absorb(*ended);
  relays_.absorb(*ended);
  for (const auto& id : suspects_)
    if (auto& c = live_contacts_.find(id)->second; ended->concerns(c.suspected)) {
      c.suspected += ended->late;
      c.verdict += ended->late;
    }
  next_probe_ += ended->late;
  silence_.absorb(*ended, now_);
  change_health(static_cast<int>(
      std::clamp<duration::rep>(ended->late / settings_.probe_interval, 1, settings_.health_max)));
}

void swim::heard() {
  if (!silence_.heard(now_))
    return;
  emit(event_kind::connected, self());
  // The suspects could not be heard while this node was cut off, so their time begins anew. However
  // often the node is cut off, a suspect gets no more than the time of one more suspicion.
  const auto most = suspicion_timeout(settings_, live_members(), 0);
  for (const auto& id : suspects_) {
    auto& c = live_contacts_.find(id)->second;
    const auto excused = std::clamp(most - c.excused, duration{0}, now_ - c.suspected);
    c.suspected += excused;
    c.excused += excused;
    time_suspicion(id);
  }
}

void swim::check_silence() {
  // A single other member may just be dead.
  if (is_leaving() || live_.size() < 2 || !silence_.begins(now_))
    return;
  emit(event_kind::isolated, self());
  for (const auto& id : suspects_)
    time_suspicion(id);
}

void swim::change_health(int by) {
  const auto most = static_cast<int>(settings_.health_max);
  const auto changed = static_cast<unsigned>(std::clamp(static_cast<int>(health_) + by, 0, most));
  if (changed == health_)
    return;
  health_ = changed;
  emit(event_kind::health_changed, self());
}

void swim::emit(event_kind kind, const member& who) {
  out_.events.push_back({.kind = kind, .who = who});
}

// -- sending --

std::uint8_t swim::version_for(const wire::protocol_range& theirs) const {
  const auto& ours = profile_.abilities.speaks;
  return wire::common(ours, theirs).value_or(ours).newest;
}

/// The same by the profile of a member. One that does not answer is written to in the oldest
/// version that we share: perhaps it was started anew, with a program that speaks no newer one.
std::uint8_t swim::version_for(const node_id& peer) const {
  const auto& ours = profile_.abilities.speaks;
  const auto* e = table_.find(peer);
  if (e == nullptr || !e->record.profile)
    return ours.newest;
  const auto both = wire::common(ours, e->record.profile->abilities.speaks).value_or(ours);
  return e->record.status.is == member_state::alive ? both.newest : both.oldest;
}

packet_header swim::header(packet_kind kind, std::uint8_t version) {
  return {.version = version,
          .kind = kind,
          .from = id_,
          .session = profile_.session,
          .at = self().status.at,
          .settled = is_settled(),
          .leaving = is_leaving(),
          .health = static_cast<std::uint8_t>(health_),
          .counter = ++counter_,
          .digest = table_.digest()};
}

bool swim::is_settled() const {
  return (queue_.is_empty() || live_.empty()) &&
         now_ - last_change_ > settings_.settled_intervals * settings_.probe_interval;
}

void swim::send(const udp_address& to, packet_kind kind, const packet_body& body,
                const node_id* peer, bool counts, std::optional<std::uint8_t> version) {
  packet_writer writer{out_.buffer(), settings_.packet_bytes};
  auto head = header(kind, version ? *version : version_for(peer == nullptr ? node_id{} : *peer));
  if (const auto c = peer == nullptr ? live_contacts_.end() : live_contacts_.find(*peer);
      c != live_contacts_.end())
    head.calls_fail = c->second.paths.are_calls_blocked();
  writer.begin(cluster_, head, body);
  // First what concerns the receiver most: that it is accused (Lifeguard, Buddy System).
  const auto* about = peer == nullptr ? nullptr : table_.find(*peer);
  const bool warn = about != nullptr && about->record.status.is != member_state::alive;
  if (warn)
    writer.add(about->record, false);
  if (kind == packet_kind::leave || (kind == packet_kind::ack && is_leaving()))
    writer.add(self(), false);
  std::array<node_id, parts_max> told;
  std::size_t count = 0;
  for (const auto& id : queue_.order()) {
    const auto* entry = table_.find(id);
    if (entry == nullptr || (warn && id == *peer) || count == told.size())
      continue;
    const auto& r = entry->record;
    // A profile is sent only with the incarnation at which it was written. A later status goes
    // without it, for those who receive that status have the profile.
    const bool with_profile = r.profile && r.status.is == member_state::alive &&
                              (r.profile->written == r.status.at || id == id_);
    if (!writer.add(r, with_profile))
      break;
    told[count++] = id;
  }
  writer.finish(secret_);
  out_.close_packet(to);
  ++totals_.packets_sent;
  totals_.bytes_sent += out_.packet_at(out_.packets() - 1).bytes.size();
  if (counts)
    for (std::size_t i = 0; i < count; ++i)
      queue_.sent(told[i]);
}

void swim::send_bare(const udp_address& to, std::uint8_t version, packet_kind kind,
                     const packet_body& body, const std::optional<member>& about) {
  packet_writer writer{out_.buffer(), settings_.packet_bytes};
  writer.begin(cluster_, header(kind, version), body);
  if (about)
    writer.add(*about, false);
  writer.finish(secret_);
  out_.close_packet(to);
  ++totals_.packets_sent;
  totals_.bytes_sent += out_.packet_at(out_.packets() - 1).bytes.size();
}

} // namespace starling::membership
