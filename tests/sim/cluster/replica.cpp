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
      clock_skew_(random_.between(-seconds{1}, seconds{1})), core_(session(), around.limits) {
  schedule_round();
}

const crdt::value* replica::find(const crdt::key& key) const {
  const auto found = data_.values.find(key);
  return found == data_.values.end() ? nullptr : &found->second;
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
  auto& target = data_.values.try_emplace(key, key.type).first->second;
  const auto before = target;
  const auto wall = wall_clock_start + (around_.time.now() + clock_skew_).count();
  const auto outcome =
      crdt::apply(target, what, data_.self, static_cast<crdt::lww_register::stamp>(wall));
  const auto* delta = std::get_if<std::optional<crdt::value>>(&outcome);
  if (delta == nullptr)
    return; // refused
  around_.past.note(key, what, data_.self, before, delta->value_or(crdt::value{key.type}));
  around_.log.note(a_write, in_.born.number, key.name);
  if (around_.log.listens())
    around_.log.tell(name_ + " writes " + to_text(key) + (*delta ? "" : " to no effect"));
  if (*delta)
    take(from_shard(key), [this, key, d = **delta] { record(key, d, std::nullopt); });
}

void replica::receive(const std::string& bytes, std::function<void(std::string)> reply) {
  auto decoded = replication::decode_message(bytes);
  if (const auto* error = std::get_if<wire::decode_error>(&decoded))
    return complain("R4", "cannot read a message: " + std::string{error->what});
  const auto m = std::make_shared<const replication::message>(
      std::get<replication::message>(std::move(decoded)));
  if (!core_.is_for_us(*m))
    return reply(core_.refused(*m));
  join_all(m->from, m->items, [this, m, reply] { acknowledge(*m, reply); });
  after_input();
}

/// Joins what a peer sent, and then does something.
void replica::join_all(session_id from, const std::vector<replication::item>& items,
                       std::function<void()> then) {
  core_.heard(from, items);
  if (items.empty())
    return then();
  last_activity_ = around_.time.now();
  const auto left = std::make_shared<std::size_t>(items.size());
  for (const auto& one : items) {
    around_.past.check_events(one.key, one.part);
    const auto item = std::make_shared<const replication::item>(one);
    take(to_shard(item->key), [this, from, item, left, then] {
      take(from_shard(item->key),
           [this, from, item, left, then, news = join(item->key, item->part)] {
             if (news)
               record(item->key, *news, from);
             if (--*left == 0)
               then();
           });
    });
  }
}

std::optional<crdt::value> replica::join(const crdt::key& key, const crdt::value& part) {
  auto& target = data_.values.try_emplace(key, key.type).first->second;
  if (key.type != crdt::type::set)
    return target.join(part);
  std::vector<std::pair<crdt::payload, crdt::dot>> removed;
  const auto& set = target.as<crdt::or_set>();
  for (const auto& [member, clock] : part.as<crdt::or_set>().clocks())
    for (const auto& e : clock)
      if (e.live && is_removed(set, member, {e.replica, e.number}))
        removed.emplace_back(member, crdt::dot{e.replica, e.number});
  auto news = target.join(part);
  for (const auto& [member, event] : removed) {
    around_.log.weigh("R2");
    if (is_live(set, member, event))
      complain("R2", to_text(key) + ": what was removed came back");
  }
  return news;
}

/// Answers that all of a message is part of our values, and sees whether it is.
void replica::acknowledge(const replication::message& m,
                          const std::function<void(std::string)>& reply) {
  around_.log.weigh("R7");
  for (const auto& [key, part] : m.items) {
    const auto* ours = find(key);
    auto copy = ours == nullptr ? crdt::value{key.type} : *ours;
    if (copy.join(part))
      complain("R7", "acknowledges more of " + to_text(key) + " than it has");
  }
  auto answer = core_.joined(m);
  check_size(answer.items, answer.bytes);
  reply(std::move(answer.bytes));
}

void replica::record(const crdt::key& key, const crdt::value& delta,
                     std::optional<session_id> from) {
  last_activity_ = around_.time.now();
  core_.record(key, delta, from);
}

// -- what the core wants done --

void replica::schedule_round() {
  const auto wait = random_.between(around_.interval / 2, around_.interval * 3 / 2);
  around_.time.after(wait, [this] {
    in_.happens({input_kind::other, nullptr}, [this] {
      // All at once now and then, as before a node stops.
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
  check_size(e.items, e.bytes);
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

void replica::check_size(std::size_t items, const std::string& bytes) {
  static const auto head =
      encode(replication::message{{}, {}, UINT64_MAX, UINT64_MAX}, {}).size() + 9;
  if (items > 1 && bytes.size() > head + around_.limits.message_bytes)
    complain("R5", "a message of several items passed its bound");
}

void replica::carry_out(const replication::list_keys& e) {
  begin(e.peer);
  around_.begins_transfer(*this);
  struct gathered {
    std::size_t left = shards;
    std::vector<crdt::key> keys;
  };
  const auto all = std::make_shared<gathered>();
  for (std::size_t shard = 0; shard < shards; ++shard)
    take(to_shards_[shard], [this, peer = e.peer, all, shard] {
      std::vector<crdt::key> keys;
      for (const auto& [key, value] : data_.values)
        if (shard_of(key, shards) == shard)
          keys.push_back(key);
      take(from_shards_[shard], [this, peer, all, keys = std::move(keys)] {
        all->keys.insert(all->keys.end(), keys.begin(), keys.end());
        if (--all->left > 0)
          return;
        under_way_.erase(peer);
        perform(core_.listed(peer, std::move(all->keys)));
      });
    });
}

void replica::carry_out(const replication::read_states& e) {
  begin(e.peer);
  struct gathered {
    std::size_t left;
    std::vector<replication::encoded_item> items;
  };
  const auto all = std::make_shared<gathered>(gathered{e.keys.size(), {}});
  for (const auto& key : e.keys)
    take(to_shard(key), [this, peer = e.peer, all, key] {
      const auto* value = find(key);
      auto bytes = value == nullptr || value->empty() ? std::string{} : value->encode();
      take(from_shard(key), [this, peer, all, key, bytes = std::move(bytes)] {
        if (!bytes.empty())
          all->items.push_back({key, bytes});
        if (--all->left > 0)
          return;
        under_way_.erase(peer);
        perform(core_.states_read(peer, std::move(all->items)));
      });
    });
}

void replica::carry_out(const replication::peer_changed& e) {
  if (const auto known = addresses_.find(e.believed); known != addresses_.end())
    around_.call_on(in_, known->second);
}

void replica::answered(session_id peer, const std::string& bytes) {
  const auto decoded = replication::decode_answer(bytes);
  const auto* answer = std::get_if<replication::answer>(&decoded);
  if (answer == nullptr || !core_.expects(peer, *answer))
    return failed(peer);
  around_.log.note(an_acknowledgement, in_.born.number, bytes);
  joining_.insert(peer);
  join_all(peer, answer->items, [this, peer, a = *answer] {
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
