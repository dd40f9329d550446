#include "sim/membership/safety.hpp"

#include <algorithm>

namespace starling::simulation {

namespace {

using membership::event_kind;
using membership::member_state;
using membership::packet_kind;

bool is_up(const membership::status& s) {
  return s.is == member_state::alive || s.is == member_state::suspect;
}

/// The order of what is said of a node, in words of our own: the core's may be wrong.
bool is_later(const membership::status& a, const membership::status& b) {
  if (a.at != b.at)
    return a.at > b.at;
  return static_cast<int>(a.is) > static_cast<int>(b.is);
}

std::string text(const membership::status& s) {
  auto result = std::string{to_string(s.is)} + "@" + to_string(s.at);
  for (const auto& id : s.accusers.ids())
    result += " by " + short_text(id);
  return result;
}

const origin& origin_of(const datagram& d) {
  return *static_cast<const origin*>(d.note.get());
}

/// No run is longer, so generations differ by so much only if a clock was wrong.
constexpr std::uint64_t day_of_generations = 24ull * 3600 * 1000;

constexpr std::size_t tag_bytes = std::tuple_size_v<wire::tag>;

/// Seeds aside, a node asks only so many at a time.
constexpr std::size_t calls_max = 32;

/// A tick may make another due at once, but not without end.
constexpr unsigned idle_ticks_max = 3;

} // namespace

membership::udp_address udp_of(address a) {
  return membership::udp_address::v4(10, 0, static_cast<std::uint8_t>(a.host >> 8),
                                     static_cast<std::uint8_t>(a.host), a.port);
}

address address_of(const membership::udp_address& a) {
  return {static_cast<std::uint16_t>((a.ip[14] << 8 | a.ip[15]) % hosts_max), a.port};
}

std::string short_text(const membership::node_id& id) {
  return to_string(id).substr(0, 8);
}

packet_sketch sketch(std::string_view bytes) {
  wire::reader in{bytes};
  in.u8(); // version
  packet_sketch result{.kind = static_cast<packet_kind>(in.u8())};
  in.raw(8 + 16 + 8); // cluster, node, session
  in.varint();        // generation
  in.varint();        // refutations
  in.raw(2);          // flags, health
  in.varint();        // counter
  in.raw(8);          // digest
  wire::reader body{in.bytes()};
  if (result.kind != packet_kind::gossip)
    result.number = body.varint();
  if (result.kind == packet_kind::ping || result.kind == packet_kind::ping_req)
    result.target = membership::decode_node_id(body);
  const auto rest = in.raw(in.remaining());
  result.parts = rest.substr(0, rest.size() - std::min(rest.size(), tag_bytes));
  return in.ok() && body.ok() ? result : packet_sketch{};
}

std::string safety::name(const process& p) const {
  return "n" + std::to_string(p.born.machine) + "#" + std::to_string(p.born.number) + " " +
         short_text(p.core.self().id);
}

void safety::breach(std::string_view invariant, const process& p, const std::string& what) const {
  log_.complain(std::string{invariant}, name(p), what);
}

void safety::is_born(const process& p) {
  memories_.resize(std::max(memories_.size(), p.born.number + 1));
  check_self(p, memories_[p.born.number]);
}

void safety::before(const process& p, const input& what) {
  auto& m = memories_[p.born.number];
  m.digest = p.core.table().digest();
  m.records = p.core.table().size();
  m.refused = p.core.totals().dropped_ahead;
  if (what.packet == nullptr)
    return;
  m.had_it = !what.packet->spoiled && !m.taken_in.insert(what.packet->number).second;
}

void safety::after(const process& p, const input& what) {
  auto& m = memories_[p.born.number];
  if (what.packet != nullptr) {
    check_worthless(p, m, *what.packet);
    check_strangers(p, *what.packet);
    const auto& from = origin_of(*what.packet);
    if (from.is != origin::kind::worthless && !what.packet->spoiled &&
        from.cluster == p.born.cluster) {
      if (from.left != 0)
        m.heard_after_leave.insert({from.id, from.left});
      const auto s = sketch(*what.packet->bytes);
      // By its target, or by a helper that was asked and not one that an attacker has asked. Who is
      // refused answers nothing.
      if (const auto found = m.pings.find(s.number);
          s.kind == packet_kind::ack && from.is == origin::kind::honest && found != m.pings.end() &&
          !m.had_it && m.refused == p.core.totals().dropped_ahead &&
          (found->second.target == from.id ||
           std::ranges::count(found->second.helpers, what.packet->from) > 0))
        found->second.answered = true;
    }
  }
  check_self(p, m);
  check_order(p, m);
  check_events(p, m);
  check_bounds(p, m, what.kind == input_kind::tick);
}

void safety::sends(const process& p, const membership::packet& sent, duration now) {
  // S10, the first half: no datagram is larger than the settings say.
  if (sent.bytes.size() > settings_.packet_bytes)
    breach("S10", p, "a packet of " + std::to_string(sent.bytes.size()) + " bytes");
  const auto s = sketch(sent.bytes);
  // Who accuses and buries in one go has told of the accusation in between.
  const auto& events = p.core.out().events;
  if (std::ranges::any_of(events, &membership::event::own_verdict))
    std::ignore = membership::for_each_member(s.parts, [&](const membership::member& told) {
      if (told.status.accusers.contains(p.core.self().id) &&
          accused_.insert({told.id, told.status.at, p.core.self().id}).second)
        check_accusation(p, told);
    });
  auto& pings = memories_[p.born.number].pings;
  if (s.kind == packet_kind::ping_req)
    pings[s.number].helpers.push_back(address_of(sent.to));
  if (s.kind != packet_kind::ping)
    return;
  pings[s.number] = {.target = s.target, .sent = now};
  std::erase_if(pings,
                [&](const auto& one) { return now - one.second.sent > std::chrono::minutes{2}; });
}

/// S2: what a node holds of another, by incarnation and then by state, never goes back, even when
/// it has forgotten it in between; but for who was never known to be dead or left, of whom it may
/// hear anew. And what is news is checked.
void safety::check_order(const process& p, memory& m) {
  auto past = m.past.begin();
  const auto skip = [&] {
    past->second.written = {};
    past = is_up(past->second.status) ? m.past.erase(past) : std::next(past);
  };
  for (const auto& [id, entry] : p.core.table().entries()) {
    while (past != m.past.end() && past->first < id)
      skip();
    const auto& record = entry.record;
    const auto written = record.profile ? record.profile->written : membership::incarnation{};
    if (past == m.past.end() || past->first != id) {
      check_news(p, record, nullptr);
      m.past.emplace_hint(past, id, held{record.status, written});
      continue;
    }
    auto& before = past->second;
    ++past;
    if (before.status == record.status && before.written == written)
      continue;
    // What was believed while the clock was days ahead is not to be kept.
    const bool was_incredible =
        before.status.at.generation > record.status.at.generation + day_of_generations;
    if (was_incredible) {
      before = held{record.status, written};
      continue;
    }
    if (is_later(before.status, record.status))
      breach("S2", p,
             "held " + short_text(id) + " " + text(before.status) + " and now " +
                 text(record.status));
    if (record.profile && written < before.written)
      breach("S2", p, "an older profile of " + short_text(id) + " came back");
    log_.weigh("S2");
    check_news(p, record, &before);
    before.status = record.status;
    before.written = std::max(before.written, written);
  }
  while (past != m.past.end())
    skip();
}

void safety::check_news(const process& p, const membership::member& record, const held* before) {
  const auto& id = record.id;
  // S8: nobody of one cluster is ever in a table of another.
  const auto cluster = clusters_.find(id);
  if (cluster == clusters_.end())
    return breach("S3", p, "knows " + short_text(id) + ", which no process ever was");
  if (cluster->second != p.born.cluster)
    breach("S8", p, short_text(id) + " is of another cluster");
  // S3: every incarnation was minted by its owner.
  log_.weigh("S3");
  const auto& minted = minted_[id];
  if (!minted.contains(record.status.at))
    breach("S3", p, short_text(id) + " never was " + text(record.status));
  if (record.profile && !minted.contains(record.profile->written))
    breach("S3", p, short_text(id) + " never wrote at " + to_string(record.profile->written));
  // And every profile arrives as its owner wrote it, whatever those in between know of it.
  else if (record.profile && std::ranges::count(written_[id], *record.profile) == 0)
    breach("S3", p, short_text(id) + " never wrote such a profile");
  // S6: accusers found the accused silent themselves, so each is first seen in its own table.
  for (const auto& accuser : record.status.accusers.ids()) {
    if (before != nullptr && before->status.at == record.status.at &&
        before->status.accusers.contains(accuser))
      continue;
    if (accuser == p.core.self().id && accused_.insert({id, record.status.at, accuser}).second)
      check_accusation(p, record);
    else if (!accused_.contains({id, record.status.at, accuser}))
      breach("S6", p,
             short_text(accuser) + " never accused " + short_text(id) + " " + text(record.status));
  }
}

/// S6: who accuses has pinged and got no answer.
void safety::check_accusation(const process& p, const membership::member& accused) {
  const auto& pings = memories_[p.born.number].pings;
  log_.weigh("S6");
  if (std::ranges::none_of(pings, [&](const auto& one) {
        return one.second.target == accused.id && !one.second.answered;
      }))
    breach("S6", p, "accuses " + short_text(accused.id) + " but all its pings were answered");
}

/// S4: a running node never holds itself dead or left unless it leaves. And what it mints is noted.
void safety::check_self(const process& p, memory& m) {
  const auto& self = p.core.self();
  clusters_.try_emplace(self.id, p.born.cluster);
  minted_[self.id].insert(self.status.at);
  if (self.profile)
    minted_[self.id].insert(self.profile->written);
  if (self.profile && (self.id != m.own.id || self.profile != m.own.profile)) {
    written_[self.id].push_back(*self.profile);
    m.own = self;
  }
  if (!is_up(self.status) && !p.core.is_leaving())
    breach("S4", p, "holds itself " + text(self.status));
}

/// S5: who was reported failed or left at an incarnation is never reported alive at the same or an
/// earlier one. S7: the events of each id keep to (joined (updated | suspected | recovered)*
/// (failed | left))*, and say what the table says. S11: a node that heard from a member after that
/// left never reports it failed.
void safety::check_events(const process& p, memory& m) {
  for (const auto& e : p.core.out().events) {
    const auto& id = e.who.id;
    const auto what =
        std::string{to_string(e.kind)} + " " + short_text(id) + " " + text(e.who.status);
    switch (e.kind) {
    case event_kind::joined: {
      if (!m.present.insert(id).second)
        breach("S7", p, what + ", which had joined before");
      const auto gone = m.gone.find(id);
      if (gone != m.gone.end())
        log_.weigh("S5");
      // Unless it was gone in a life in which only those believed whose clocks were ahead.
      if (gone != m.gone.end() && e.who.status.at <= gone->second &&
          gone->second.generation <= e.who.status.at.generation + day_of_generations)
        breach("S5", p, what + ", which was gone at " + to_string(gone->second));
      break;
    }
    case event_kind::updated:
    case event_kind::suspected:
    case event_kind::recovered:
      if (!m.present.contains(id))
        breach("S7", p, what + ", which had not joined");
      break;
    case event_kind::failed:
    case event_kind::left:
      if (m.present.erase(id) == 0)
        breach("S7", p, what + ", which had not joined");
      log_.weigh("S11");
      m.gone[id] = std::max(m.gone[id], e.who.status.at);
      if (e.kind == event_kind::failed &&
          m.heard_after_leave.contains({id, e.who.status.at.generation}))
        breach("S11", p, what + ", from which it heard after it left");
      break;
    default:
      break;
    }
  }
  for (const auto& [id, entry] : p.core.table().entries()) {
    const bool lives = id != p.core.self().id && is_up(entry.record.status) && entry.record.profile;
    if (lives != m.present.contains(id))
      breach("S7", p,
             "the events say that " + short_text(id) + (lives ? " is gone" : " is there") +
                 ", the table " + text(entry.record.status));
  }
}

/// S9, the first half: what is forged, replayed, reflected, truncated or flipped changes no state
/// and is not answered.
void safety::check_worthless(const process& p, const memory& m, const datagram& d) {
  if (origin_of(d).is != origin::kind::worthless && !d.spoiled && !m.had_it)
    return;
  log_.weigh("S9");
  const auto& out = p.core.out();
  const bool is_quiet = std::ranges::all_of(out.events, [](const membership::event& e) {
    return e.kind == event_kind::stalled || e.kind == event_kind::health_changed;
  });
  if (p.core.table().digest() != m.digest || p.core.table().size() != m.records || !is_quiet ||
      out.packets() > 0 || !out.calls.empty())
    breach("S9", p, "a worthless packet had an effect");
}

/// S9, the second half: a stranger, who may not be where the packet claims to be from, is never
/// sent more than it sent. A member is no stranger at the address that it has signed, be it in this
/// packet.
void safety::check_strangers(const process& p, const datagram& d) {
  const auto& out = p.core.out();
  const auto from = udp_of(d.from);
  std::size_t sent = 0;
  for (std::size_t i = 0; i < out.packets(); ++i)
    if (out.packet_at(i).to == from)
      sent += out.packet_at(i).bytes.size();
  if (sent <= d.bytes->size())
    return;
  if (std::ranges::none_of(p.core.table().entries(), [&](const auto& one) {
        const auto& profile = one.second.record.profile;
        return profile && profile->udp == from;
      }))
    breach("S9", p,
           "a stranger sent " + std::to_string(d.bytes->size()) + " bytes and got " +
               std::to_string(sent));
}

/// S10, the second half: all that can grow is bounded.
void safety::check_bounds(const process& p, memory& m, bool is_tick) {
  const auto& table = p.core.table();
  if (table.size() > settings_.max_members + settings_.max_dead)
    breach("S10", p, "a table of " + std::to_string(table.size()) + " members");
  if (table.forgotten() > settings_.max_forgotten)
    breach("S10", p, std::to_string(table.forgotten()) + " forgotten members");
  if (p.core.live_members() > settings_.max_members)
    breach("S10", p, std::to_string(p.core.live_members()) + " live members");
  if (is_tick)
    m.idle_ticks = p.core.next_tick() <= p.clock() ? m.idle_ticks + 1 : 0;
  if (m.idle_ticks > idle_ticks_max)
    breach("S10", p, "ticks without end");
  if (p.calls.size() > p.born.seeds.size() + calls_max)
    breach("S10", p, std::to_string(p.calls.size()) + " calls under way");
}

} // namespace starling::simulation
