// Gossip, exchanges of tables, the search for the dead, and leaving.

#include "membership/swim.hpp"

#include <algorithm>
#include <cassert>

namespace starling::membership {

namespace {

constexpr std::uint8_t table_version = 1;

// No table has more records: those alive and those remembered as dead.
// All that may be in a table, and what the sender of a list was before.
constexpr std::size_t records_max = 2 * members_max + 1;

// id, incarnation, state, whether there is a profile, age
constexpr std::size_t record_bytes_min = 16 + 2 + 1 + 1 + 1;

} // namespace

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
  if (leaving_)
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
  if (!settings_.with.digests || leaving_ || !h.settled || h.leaving ||
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
  const auto is_sync = [](const auto& c) {
    return c.second.kind == call_kind::sync && !c.second.seed;
  };
  const auto same = [&](const auto& c) {
    return c.second.kind == call_kind::sync && c.second.address == address;
  };
  if (!seed &&
      (std::ranges::count_if(calls_, is_sync) >= static_cast<std::ptrdiff_t>(settings_.max_syncs) ||
       std::ranges::any_of(calls_, same)))
    return;
  ++totals_.syncs;
  make_call({.kind = call_kind::sync,
             .address = address,
             .seed = std::move(seed),
             .peer = peer,
             .digest = digest},
            last_known(peer));
}

challenge swim::last_known(const node_id& peer) const {
  const auto* e = table_.find(peer);
  return e == nullptr || !e->record.profile ? challenge{} : challenge{e->record.profile->session};
}

void swim::make_call(const pending_call& c, const challenge& to) {
  const auto token = next_token_++;
  calls_[token] = c;
  wire::writer out;
  encode(out, call_header{profile_.session, token, to});
  if (c.kind == call_kind::sync)
    put_table(out, nullptr);
  out_.calls.push_back({token, c.kind, c.address, std::move(out).take()});
}

void swim::put_table(wire::writer& out, const std::vector<member>* theirs,
                     const std::optional<member>& former) {
  std::vector<const member_table::entry*> told;
  std::map<node_id, const member*> known;
  if (theirs != nullptr)
    for (const auto& m : *theirs)
      known[m.id] = &m;
  for (const auto& [id, e] : table_.entries())
    if (const auto k = known.find(id); k == known.end() || brings_news(*k->second, e.record))
      told.push_back(&e);
  out.u8(table_version);
  encode(out, id_);
  out.varint(told.size() + (former ? 1 : 0));
  if (former) {
    encode(out, *former);
    out.varint(0);
  }
  for (const auto* e : told) {
    encode(out, e->record);
    // Its state's age, so that what is long dead is not remembered anew by each who learns of it.
    out.varint(static_cast<std::uint64_t>((now_ - e->since) / std::chrono::seconds{1}));
  }
}

wire::decoded<std::vector<member>> swim::read_table(wire::reader& in, list_sender& sender) {
  if (in.u8() != table_version)
    in.fail("unknown version of the member list");
  sender.id = decode_node_id(in);
  const auto count = in.count(record_bytes_min);
  if (count > records_max)
    in.fail("too many members");
  std::vector<member> records;
  std::vector<duration> ages;
  for (auto left = count; left > 0 && in.ok(); --left) {
    records.push_back(decode_member(in));
    const auto age = in.varint();
    ages.push_back(std::min<duration>(std::chrono::seconds{std::min<std::uint64_t>(age, 1u << 30)},
                                      settings_.dead_retention));
  }
  in.expect_end();
  if (!in.ok())
    return in.error();
  // To whom would a node that knew nobody tell it? Whoever sent this knows it all.
  knew_nobody_ = live_.empty();
  if (const auto* e = table_.find(sender.id))
    sender.former = e->record;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const auto& said = records[i];
    // Somebody was cut off for so long that it is forgotten, and speaks for itself: it is told what
    // was said of it, and refutes.
    if (said.id == sender.id && said.profile && said.status.is != member_state::left &&
        table_.is_forgotten(said) && table_.size() < settings_.max_members + settings_.max_dead)
      table_.recall(said, now_);
    take(said, ages[i]);
  }
  knew_nobody_ = false;
  if (sender.id != id_)
    heard();
  return records;
}

std::optional<wire::decode_error> swim::call_answered(duration now, std::uint64_t token,
                                                      std::string_view content) {
  begin(now);
  const auto found = calls_.find(token);
  if (found == calls_.end())
    return std::nullopt;
  const auto done = std::move(found->second);
  calls_.erase(found);
  called(done.address, true);

  auto bad = take_answer(done, content);
  if (bad)
    give_up(done, "its answer is not what was asked for: " + std::string{bad->what});
  ask_seeds();
  finish();
  return bad;
}

std::optional<wire::decode_error> swim::take_answer(const pending_call& done,
                                                    std::string_view content) {
  if (const auto why = decode_refusal(content)) {
    is_refused(done.address, *why);
    give_up(done, "it refuses this node: " + describe(*why));
    return std::nullopt;
  }
  const auto answer = decode_answer(content);
  if (const auto* error = std::get_if<wire::decode_error>(&answer))
    return *error;
  if (const auto* to = std::get_if<challenge>(&answer)) {
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
    make_call(again, *to);
    return std::nullopt;
  }
  wire::reader in{std::get<std::string_view>(answer)};
  if (done.kind == call_kind::ping) {
    const auto m = decode_member(in);
    in.expect_end();
    if (!in.ok())
      return in.error();
    heard();
    take(m);
    note_answer(m.id, done.address);
    // It may be late, and answer the next probe: one call at a time asks a member.
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
  list_sender sender;
  const auto read = read_table(in, sender);
  if (const auto* error = std::get_if<wire::decode_error>(&read))
    return *error;
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
  const auto found = calls_.find(token);
  if (found == calls_.end())
    return;
  const auto failed = std::move(found->second);
  calls_.erase(found);
  if (why.refused)
    is_refused(failed.address, {.reason = refusal_reason::foreign, .name = "", .why = why.why});
  else
    called(failed.address, false);
  give_up(failed, why.why.empty() ? "no answer" : why.why);
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
  if (!leaving_ || leave_done_)
    return;
  const auto acknowledged =
      std::ranges::count_if(farewells_, [](const farewell& f) { return f.acknowledged; });
  if (now_ >= leave_end_ || acknowledged == static_cast<std::ptrdiff_t>(farewells_.size())) {
    leave_done_ = true;
    out_.events.push_back({.kind = event_kind::left_cluster,
                           .who = self(),
                           .acknowledged = static_cast<std::size_t>(acknowledged)});
    return;
  }
  if (now_ < next_farewell_)
    return;
  next_farewell_ = now_ + settings_.leave_interval;
  for (const auto& f : farewells_)
    if (!f.acknowledged)
      send(f.to, packet_kind::leave, {.number = leave_number_}, &f.peer, false);
}

void swim::on_leave(const opened_packet& p, const udp_address& from) {
  const auto* e = table_.find(p.header.from);
  if (e != nullptr && e->record.status.is == member_state::left && e->record.profile &&
      e->record.profile->udp == from)
    send_bare(from, packet_kind::leave_ack, {.number = p.body.number});
}

void swim::on_leave_ack(const opened_packet& p) {
  if (!leaving_ || p.body.number != leave_number_)
    return;
  for (auto& f : farewells_)
    if (f.peer == p.header.from)
      f.acknowledged = true;
  leave_due();
}

} // namespace starling::membership
