// Gossip, exchanges of tables, the search for the dead, and leaving.

#include "membership/swim.hpp"

#include <algorithm>
#include <cassert>

namespace starling::membership {

void swim::gossip_due() {
  if (queue_.is_empty() || live_.empty() || now_ < next_gossip_)
    return;
  next_gossip_ = now_ + settings_.gossip_interval;
  const auto most = std::min(settings_.gossip_fanout, live_.size());
  std::array<std::size_t, 16> chosen{};
  std::size_t count = 0;
  while (count < std::min(most, chosen.size()) && !queue_.is_empty()) {
    const auto index = random_.below(live_.size());
    if (std::find(chosen.begin(), chosen.begin() + count, index) != chosen.begin() + count)
      continue;
    chosen[count++] = index;
    const auto id = live_[index];
    const auto& to = table_.find(id)->record;
    send(to.profile->udp, packet_kind::gossip, {}, &id, to.status.is == member_state::alive);
  }
}

std::optional<node_id> swim::random_live() {
  if (live_.empty())
    return std::nullopt;
  return live_[random_.below(live_.size())];
}

void swim::repair_due() {
  if (is_leaving())
    return;
  seeds_due();
  if (now_ >= next_sync_) {
    const auto period = sync_period(settings_, live_members());
    next_sync_ = now_ + random_.between(period / 2, 3 * period / 2);
    if (const auto peer = random_live())
      sync_with(table_.find(*peer)->record.profile->address, std::nullopt, *peer, 0);
  }
  if (now_ >= next_dead_probe_) {
    const auto interval = settings_.dead_probe_interval;
    next_dead_probe_ = now_ + random_.between(interval / 2, 3 * interval / 2);
    probe_a_dead();
  }
}

void swim::probe_a_dead() {
  std::vector<node_id> dead;
  for (const auto& peer : peers())
    if (peer.record->status.is == member_state::dead && !peer.replaced)
      dead.push_back(peer.record->id);
  if (dead.empty() || random_.below(live_members()) >= dead.size())
    return; // others do it
  start_probe(dead[random_.below(dead.size())], true);
}

// -- exchange of tables --

void swim::compare_digest(const packet_header& h) {
  if (!settings_.with.digests || is_leaving() || !h.settled || h.leaving ||
      h.digest == table_.digest() || !is_settled() || now_ < next_digest_sync_)
    return;
  const auto c = live_contacts_.find(h.from);
  if (c == live_contacts_.end() ||
      (c->second.fruitless_digest == h.digest && c->second.fruitless_own == table_.digest()))
    return;
  next_digest_sync_ =
      now_ + random_.between(settings_.probe_interval, 2 * settings_.probe_interval);
  sync_with(table_.find(h.from)->record.profile->address, std::nullopt, h.from, h.digest);
}

void swim::sync_with(const std::string& address, std::optional<std::string> seed,
                     const node_id& peer, std::uint64_t digest) {
  if (!seed && (calls_.syncs() >= settings_.max_syncs || calls_.is_synced_with(address)))
    return;
  ++totals_.syncs;
  make_call({.kind = call_kind::sync,
             .address = address,
             .seed = std::move(seed),
             .peer = peer,
             .digest = digest},
            last_known(peer));
}

wire::challenge swim::last_known(const node_id& peer) const {
  const auto* e = table_.find(peer);
  return e == nullptr || !e->record.profile ? wire::challenge{}
                                            : wire::challenge{e->record.profile->session};
}

void swim::make_call(const pending_call& c, const wire::challenge& to) {
  const auto token = calls_.begin(c);
  wire::writer out;
  encode(out, wire::call_header{profile_.session, token, to});
  const auto version = c.speaks ? version_for(*c.speaks) : version_for(c.peer);
  if (c.kind == call_kind::sync)
    put_table(out, version, nullptr);
  else
    out.u8(version);
  out_.calls.push_back({token, c.kind, c.address, std::move(out).take()});
}

void swim::put_table(wire::writer& out, std::uint8_t version, const std::vector<member>* theirs,
                     const std::optional<member>& former) {
  std::vector<const member_table::entry*> told;
  std::map<node_id, const member*> known;
  if (theirs != nullptr)
    for (const auto& m : *theirs)
      known[m.id] = &m;
  for (const auto& [id, e] : table_.entries())
    if (const auto k = known.find(id); k == known.end() || brings_news(*k->second, e.record))
      told.push_back(&e);
  begin_list(out,
             {.version = version,
              .speaks = profile_.abilities.speaks,
              .id = id_,
              .address = profile_.address,
              .name = profile_.name},
             told.size() + (former ? 1 : 0));
  if (former)
    add_to_list(out, *former, 0);
  // The age of the state. Without it each node that learns of a dead member would remember that
  // member for the whole retention again.
  for (const auto* e : told)
    add_to_list(out, e->record,
                static_cast<std::uint64_t>((now_ - e->since) / std::chrono::seconds{1}));
}

wire::decoded<std::vector<member>> swim::read_table(wire::reader& in, list_sender& sender) {
  const auto list = decode_list(in);
  if (!in.ok())
    return in.error();
  // If we knew no live member before this exchange, we do not pass these records on: the only
  // member that we can reach is the one that sent them.
  const auto from = live_.empty() ? source::first_list : source::call;
  if (const auto* e = table_.find(sender.id))
    sender.former = e->record;
  std::vector<member> records;
  for (const auto& [said, age] : list) {
    records.push_back(said);
    // The sender was cut off for so long that we have forgotten it, and it speaks for itself. So we
    // recall what was said of it: our answer tells that to the sender, and the sender refutes it.
    if (said.id == sender.id && said.profile && said.status.is != member_state::left &&
        table_.is_forgotten(said) && table_.size() < settings_.max_members + settings_.max_dead)
      table_.recall(said, now_);
    const auto seconds = std::chrono::seconds{std::min<std::uint64_t>(age, 1u << 30)};
    join_record(said, from, std::min<duration>(seconds, settings_.dead_retention));
  }
  if (sender.id != id_)
    heard();
  return records;
}

wire::possible<wire::decode_error> swim::call_answered(duration now, std::uint64_t token,
                                                       std::string_view answer) {
  begin(now);
  const auto done = calls_.end(token);
  if (!done)
    return std::nullopt;
  called(done->address, true);

  auto bad = read_answer(*done, answer);
  if (bad)
    give_up(*done, "its answer is not what was asked for: " + std::string{bad->what});
  ask_seeds();
  finish();
  return bad;
}

wire::possible<wire::decode_error> swim::read_answer(const pending_call& done,
                                                     std::string_view bytes) {
  if (const auto why = decode_refusal(bytes)) {
    is_refused(done.address, *why);
    give_up(done, "it refuses this node: " + describe(*why));
    return std::nullopt;
  }
  const auto answer = wire::decode_answer(bytes);
  if (const auto* error = std::get_if<wire::decode_error>(&answer))
    return *error;
  if (const auto* to = std::get_if<wire::challenge>(&answer)) {
    if (to->session == profile_.session) {
      if (done.seed)
        seeds_.is_ourselves({*done.seed, done.address}, now_, random_);
      else
        give_up(done, "it is this node");
      return std::nullopt;
    }
    if (done.was_challenged) {
      give_up(done, "it started anew meanwhile");
      return std::nullopt;
    }
    auto again = done;
    again.was_challenged = true;
    again.speaks = wire::range_in(bytes);
    make_call(again, *to);
    return std::nullopt;
  }
  wire::reader in{std::get<std::string_view>(answer)};
  if (done.kind == call_kind::ping) {
    if (!profile_.abilities.speaks.contains(in.u8()))
      in.fail("an answer in a version that this node does not speak");
    const auto m = decode_member(in);
    if (!in.ok())
      return in.error();
    heard();
    join_record(m, source::call);
    note_answer(m.id, done.address);
    // The answer may be late and end the next probe of the same member, for only one call at a time
    // pings a member.
    while (true) {
      const auto mine = std::ranges::find(probes_, m.id, &probe::target);
      if (mine == probes_.end())
        break;
      probe_answered(static_cast<std::size_t>(mine - probes_.begin()), nullptr);
    }
    return std::nullopt;
  }

  const auto digest = table_.digest();
  const auto refused = totals_.dropped_ahead;
  const auto head = decode_list_head(in);
  if (in.ok() && !profile_.abilities.speaks.contains(head.version))
    in.fail("a list in a version that this node does not speak");
  list_sender sender{head.id, std::nullopt};
  const auto read = read_table(in, sender);
  if (!read)
    return read.error();
  refused_by_.end(done.address);
  note_answer(sender.id, done.address);
  if (done.seed && sender.id == id_)
    seed_failed(done, "it is another process under the id of this node");
  else if (done.seed && refused != totals_.dropped_ahead)
    seed_failed(done, "its clock is too far ahead of ours");
  else if (done.seed)
    seeds_.reached({*done.seed, done.address}, sender.id, now_, random_);
  if (const auto c = live_contacts_.find(done.peer);
      c != live_contacts_.end() && digest == table_.digest()) {
    c->second.fruitless_digest = done.digest;
    c->second.fruitless_own = digest;
  }
  return std::nullopt;
}

void swim::call_failed(duration now, std::uint64_t token, const call_failure& why) {
  begin(now);
  const auto failed = calls_.end(token);
  if (!failed)
    return;
  if (why.refused)
    is_refused(failed->address, {.reason = refusal_reason::foreign, .name = "", .why = why.why});
  else
    called(failed->address, false);
  give_up(*failed, why.why.empty() ? "no answer" : why.why);
  ask_seeds();
  finish();
}

void swim::give_up(const pending_call& c, const std::string& why) {
  if (c.kind == call_kind::sync)
    ++totals_.syncs_failed;
  if (c.seed)
    seed_failed(c, why);
}

// -- leaving --

void swim::leave_due() {
  if (!farewell_)
    return;
  if (farewell_->ends(now_))
    out_.events.push_back({.kind = event_kind::left_cluster,
                           .who = self(),
                           .acknowledged = farewell_->acknowledged()});
  for (const auto& r : farewell_->due(now_))
    send(r.where, packet_kind::leave, {.number = farewell_->number()}, &r.peer, false);
}

void swim::on_leave(const opened_packet& p, const udp_address& from) {
  const auto* e = table_.find(p.header.from);
  if (e != nullptr && e->record.status.is == member_state::left && e->record.profile &&
      e->record.profile->udp == from)
    send_bare(from, p.header.version, packet_kind::leave_ack, {.number = p.body.number});
}

void swim::on_leave_ack(const opened_packet& p) {
  if (!farewell_ || p.body.number != farewell_->number())
    return;
  farewell_->acknowledge(p.header.from);
  leave_due();
}

} // namespace starling::membership
