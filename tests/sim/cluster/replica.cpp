#include "tests/sim/cluster/replica.hpp"

#include <algorithm>
#include <utility>

namespace starling::simulation {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// How long one step within a node takes at most.
constexpr duration step_max = milliseconds{3};

/// Microseconds since 1970 when a run begins.
constexpr std::int64_t wall_clock_start = 1'700'000'000'000'000;

/// What of the hash of a run is a matter of replicas.
enum what_happened : std::uint64_t { a_message = 100, an_acknowledgement, a_write };

std::size_t shard_of(const crdt::key& key, std::size_t shards) {
  return (key.name.back() + static_cast<std::size_t>(key.type)) % shards;
}

/// Whether a set knows that an event is over.
bool is_removed(const crdt::or_set& set, const crdt::payload& member, const crdt::dot& event) {
  if (set.seen().contains(event))
    return !is_live(set, member, event);
  const auto found = set.clocks().find(member);
  return found != set.clocks().end() && std::ranges::any_of(found->second, [&](const auto& e) {
           return e.replica == event.replica && e.number >= event.number;
         });
}

} // namespace

replica::replica(process& in, std::string name, const surroundings& around, stored_data data,
                 dice random)
    : in_(in), name_(std::move(name)), around_(around), data_(std::move(data)), random_(random),
      clock_skew_(random_.between(-seconds{1}, seconds{1})),
      core_(session(), around.limits, around.digests) {
  for (const auto& [key, value] : data_.values)
    core_.restore(key, value.digest());
  schedule_round();
}

const crdt::value* replica::find(const crdt::key& key) const {
  const auto found = data_.values.find(key);
  return found == data_.values.end() ? nullptr : &found->second.value();
}

/// Lets something happen at the end of a way through this node, unless the process ends before.
void replica::take(way& w, std::function<void()> what) {
  w = std::max(w, around_.time.now() + random_.between(duration{0}, step_max));
  around_.time.at(w, [this, what = std::move(what)] {
    in_.happens({input_kind::other, nullptr}, [this, what] {
      what();
      after_input();
    });
  });
}

void replica::after_input() {
  around_.log.weigh("R5");
  if (core_.log().bytes() > around_.limits.log_bytes)
    complain("R5", "its log passed its bound");
}

replica::way& replica::to_shard(const crdt::key& key) {
  return to_shards_[shard_of(key, shards)];
}

replica::way& replica::from_shard(const crdt::key& key) {
  return from_shards_[shard_of(key, shards)];
}

void replica::complain(std::string invariant, std::string what) {
  around_.log.complain(std::move(invariant), name_, std::move(what));
}

bool replica::lose(const crdt::key& key) {
  const auto now = around_.time.now();
  if (to_shard(key) >= now || from_shard(key) >= now || joins_under_way_ > 0)
    return false;
  data_.values.erase(key);
  core_.lose(key);
  if (around_.log.listens())
    around_.log.tell(name_ + " loses " + to_text(key));
  return true;
}

// -- who is there --

void replica::hears(const membership::event& e) {
  switch (e.kind) {
  case membership::event_kind::joined:
  case membership::event_kind::updated:
  case membership::event_kind::recovered:
    if (e.who.profile)
      take(from_membership_, [this, who = e.who] { set_peer(who); });
    return;
  case membership::event_kind::failed:
  case membership::event_kind::left:
    return take(from_membership_, [this, id = e.who.id] { lose_peer(id); });
  default:
    return;
  }
}

void replica::set_peer(const membership::member& m) {
  const session_id session{m.profile->session.bits};
  if (const auto known = sessions_.find(m.id); known != sessions_.end() && known->second != session)
    lose_peer(m.id);
  sessions_[m.id] = session;
  addresses_[session] = m.profile->address;
  core_.add_peer(session);
}

void replica::lose_peer(const membership::node_id& id) {
  const auto known = sessions_.find(id);
  if (known == sessions_.end())
    return;
  const auto session = known->second;
  sessions_.erase(known);
  if (std::ranges::any_of(sessions_, [&](const auto& one) { return one.second == session; }))
    return;
  core_.remove_peer(session);
  addresses_.erase(session);
}

// -- what clients and peers send --

void replica::write(const crdt::key& key, const crdt::command& what) {
  apply(key, what);
  after_input();
}

void replica::apply(const crdt::key& key, const crdt::command& what) {
  auto& target = data_.values.try_emplace(key, key).first->second;
  const auto before = target.value();
  const auto wall = wall_clock_start + (around_.time.now() + clock_skew_).count();
  const auto outcome =
      target.apply(what, data_.self, static_cast<crdt::lww_register::stamp>(wall), around_.digests);
  const auto* delta = std::get_if<std::optional<crdt::value>>(&outcome);
  if (delta == nullptr)
    return; // refused
  around_.past.note(key, what, data_.self, before, delta->value_or(crdt::value{key.type}));
  around_.log.note(a_write, in_.born.number, key.name);
  if (around_.log.listens())
    around_.log.tell(name_ + " writes " + to_text(key) + (*delta ? "" : " to no effect"));
  if (*delta)
    take(from_shard(key),
         [this, key, d = **delta, now = target.digest()] { record(key, d, now, std::nullopt); });
}

void replica::receive(const std::string& bytes, std::function<void(std::string)> reply) {
  auto decoded = replication::decode_message(bytes);
  if (const auto* error = std::get_if<wire::decode_error>(&decoded))
    return complain("R4", "cannot read a message: " + std::string{error->what});
  auto taken = core_.take(std::get<replication::message>(std::move(decoded)));
  if (auto* at_once = std::get_if<replication::gossip::reply>(&taken)) {
    check_size(at_once->bytes);
    return reply(std::move(at_once->bytes));
  }
  const auto in = std::make_shared<const replication::gossip::incoming>(
      std::get<replication::gossip::incoming>(std::move(taken)));
  join_all(in->head.from, in->items, [this, in, reply] {
    if (!in->wanted)
      return acknowledge(*in, {}, reply);
    read(*in->wanted,
         [this, in, reply](const std::string& state) { acknowledge(*in, state, reply); });
  });
  after_input();
}

/// Joins what a peer sent, and then does something.
void replica::join_all(session_id from, const std::vector<replication::item>& items,
                       std::function<void()> then) {
  if (items.empty())
    return then();
  last_activity_ = around_.time.now();
  ++joins_under_way_;
  const auto left = std::make_shared<std::size_t>(items.size());
  for (const auto& one : items) {
    around_.past.check_events(one.key, one.part);
    const auto item = std::make_shared<const replication::item>(one);
    take(to_shard(item->key), [this, from, item, left, then] {
      take(from_shard(item->key), [this, from, item, left, then, news = join(item->key, item->part),
                                   now = data_.values.at(item->key).digest()] {
        if (news)
          record(item->key, *news, now, from);
        if (--*left > 0)
          return;
        then();
        --joins_under_way_;
      });
    });
  }
}

std::optional<crdt::value> replica::join(const crdt::key& key, const crdt::value& part) {
  auto& target = data_.values.try_emplace(key, key).first->second;
  if (key.type != crdt::type::set)
    return target.join(part, around_.digests);
  std::vector<std::pair<crdt::payload, crdt::dot>> removed;
  const auto& set = target.value().as<crdt::or_set>();
  for (const auto& [member, clock] : part.as<crdt::or_set>().clocks())
    for (const auto& e : clock)
      if (e.live && is_removed(set, member, {e.replica, e.number}))
        removed.emplace_back(member, crdt::dot{e.replica, e.number});
  auto news = target.join(part, around_.digests);
  for (const auto& [member, event] : removed) {
    around_.log.weigh("R2");
    if (is_live(set, member, event))
      complain("R2", to_text(key) + ": what was removed came back");
  }
  return news;
}

/// Answers that all of a message is part of our values, and sees whether it is.
void replica::acknowledge(const replication::gossip::incoming& in, std::string_view state,
                          const std::function<void(std::string)>& reply) {
  around_.log.weigh("R7");
  for (const auto& [key, part] : in.items) {
    const auto* ours = find(key);
    auto copy = ours == nullptr ? crdt::value{key.type} : *ours;
    if (copy.join(part))
      complain("R7", "acknowledges more of " + to_text(key) + " than it has");
  }
  auto done = core_.joined(in, state);
  check_size(done.bytes);
  reply(std::move(done.bytes));
  perform(std::move(done.effects));
}

void replica::record(const crdt::key& key, const crdt::value& delta, const replication::digest& now,
                     std::optional<session_id> from) {
  last_activity_ = around_.time.now();
  core_.record(key, delta, now, from);
}

// -- what the core wants done --

void replica::schedule_round() {
  const auto wait = random_.between(around_.interval / 2, around_.interval * 3 / 2);
  around_.time.after(wait, [this] {
    in_.happens({input_kind::other, nullptr}, [this] {
      // All at once now and then, as before a node stops.
      core_.tick();
      const bool with_all = random_.chance(0.1);
      perform(with_all ? core_.rounds({}) : core_.round(random_.bits()));
      after_input();
      schedule_round();
    });
  });
}

void replica::perform(std::vector<replication::effect> effects) {
  for (auto& effect : effects)
    std::visit([this](auto& e) { carry_out(e); }, effect);
}

/// At most one effect for a peer is under way at a time.
void replica::begin(session_id peer) {
  if (!under_way_.insert(peer).second)
    complain("R5", "does two things at a time for one peer");
}

void replica::carry_out(replication::send_message& e) {
  begin(e.peer);
  check_size(e.bytes);
  around_.log.note(a_message, in_.born.number, e.bytes);
  if (e.items > 0)
    last_activity_ = around_.time.now();
  const auto address = addresses_.find(e.peer);
  if (address == addresses_.end())
    return complain("R5", "sends to a peer that is gone");
  if (around_.log.listens())
    around_.log.tell(name_ + " gossips " + std::to_string(e.items) + " items, " +
                     std::to_string(e.bytes.size()) + " bytes, to " + address->second);
  around_.post(*this, e.peer, address->second, std::move(e.bytes));
}

/// Nothing is larger than a message may be, beside what every message holds.
void replica::check_size(const std::string& bytes) {
  constexpr std::size_t around = 200 + crdt::key_name_max;
  const auto most = std::max(replication::repair_message_bytes_min, around_.limits.message_bytes);
  if (bytes.size() > most + around)
    complain("R5", "a message passed its bound");
}

void replica::carry_out(const replication::read_states& e) {
  begin(e.peer);
  around_.reads_states(*this);
  struct gathered {
    std::size_t left;
    std::vector<replication::encoded_item> items;
  };
  const auto all = std::make_shared<gathered>(gathered{e.keys.size(), {}});
  for (const auto& key : e.keys)
    read(key, [this, peer = e.peer, all, key](std::string bytes) {
      if (!bytes.empty())
        all->items.push_back({key, std::move(bytes)});
      if (--all->left > 0)
        return;
      under_way_.erase(peer);
      perform(core_.states_read(peer, std::move(all->items)));
    });
}

/// Reads the state of a key, encoded, and then does something.
void replica::read(const crdt::key& key, std::function<void(std::string)> then) {
  take(to_shard(key), [this, key, then] {
    const auto* value = find(key);
    auto bytes = value == nullptr || value->empty() ? std::string{} : value->encode();
    take(from_shard(key), [then, bytes = std::move(bytes)] { then(bytes); });
  });
}

void replica::carry_out(const replication::peer_changed& e) {
  if (const auto known = addresses_.find(e.believed); known != addresses_.end())
    around_.call_on(in_, known->second);
}

void replica::carry_out(const replication::value_refused& e) {
  complain("R5", to_text(e.key) + " is too large for a peer");
}

void replica::answered(session_id peer, const std::string& bytes) {
  const auto decoded = replication::decode_answer(bytes);
  const auto* answer = std::get_if<replication::answer>(&decoded);
  const auto items = answer == nullptr ? std::nullopt : core_.take(peer, *answer);
  if (!items)
    return failed(peer);
  around_.log.note(an_acknowledgement, in_.born.number, bytes);
  joining_.insert(peer);
  join_all(peer, *items, [this, peer, a = *answer] {
    joining_.erase(peer);
    under_way_.erase(peer);
    perform(core_.answered(peer, a));
  });
  after_input();
}

void replica::failed(session_id peer) {
  under_way_.erase(peer);
  core_.failed(peer);
  after_input();
}

void replica::answered_late(session_id peer, const std::string& bytes) {
  around_.log.weigh("R7");
  const auto decoded = replication::decode_answer(bytes);
  const auto* answer = std::get_if<replication::answer>(&decoded);
  if (answer != nullptr && core_.expects(peer, *answer) && !joining_.contains(peer))
    complain("R7", "takes the answer to one message for that to another");
}

} // namespace starling::simulation
