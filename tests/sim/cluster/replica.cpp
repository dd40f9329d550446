#include "tests/sim/cluster/replica.hpp"

#include "storage/identity.hpp"
#include "storage/reading.hpp"
#include "storage/tally_rows.hpp"

#include <algorithm>
#include <utility>

namespace starling::simulation {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// How long one step within a node takes at most.
constexpr duration step_max = milliseconds{3};

/// How long it waits for all others to say what they know of it, and how soon it asks again.
constexpr duration confirm_timeout = seconds{2};
constexpr duration ask_interval = milliseconds{100};

/// Who failed is tried again after this, then after twice as long and so on.
constexpr duration retry_after = milliseconds{100};

/// Microseconds since 1970 when a run begins.
constexpr std::int64_t wall_clock_start = 1'700'000'000'000'000;

/// What of the hash of a run is a matter of replicas.
enum what_happened : std::uint64_t { a_message = 100, an_acknowledgement, a_write };

std::size_t shard_of(const crdt::key& key, std::size_t shards) {
  return (key.name.back() + static_cast<std::size_t>(key.type)) % shards;
}

} // namespace

replica::replica(process& in, std::string name, const surroundings& around, home at, dice random)
    : in_(in), name_(std::move(name)), around_(around), at_(at), random_(random),
      clock_skew_(random_.between(-seconds{1}, seconds{1})),
      around_keepers_{
          .log = around.log,
          .past = around.past,
          .self = at.self,
          .settings = {.digests = around.digests,
                       .has_disk = at.rows != nullptr,
                       .whole_bytes = around.whole_bytes},
          .wall =
              [this] {
                const auto wall = wall_clock_start + (around_.time.now() + clock_skew_).count();
                return static_cast<crdt::lww_register::stamp>(wall);
              },
          .read =
              [this](const keeper::reading& what) {
                take(to_reader_, [this, what] { take(from_reader_, what(*at_.rows->now())); });
              },
          .commit = [this](const storage::batch& changed, const std::shared_ptr<operation>& what,
                           const committer::committed& then) { commit(changed, what, then); },
          .renew = [this](const crdt::replica_id& lost,
                          const keeper::renewed& then) { renew(lost, then); },
          .spread =
              [this](const crdt::key& key, const keyspace::novelty& news) {
                take(from_shard(key), [this, key, news] {
                  if (news.counted)
                    core_.note(*news.counted);
                  record(key, *news.part, news.now, std::nullopt);
                });
              },
          .complain =
              [this](std::string invariant, std::string what) {
                complain(std::move(invariant), std::move(what));
              }},
      core_(session(), around.limits, around.digests), is_restoring_(at.rows != nullptr) {
  if (at_.rows != nullptr) {
    committer_ = std::make_unique<committer>(
        committer::surroundings{
            .past = around_.past,
            .rows = *at_.rows,
            .is_careful = at_.is_careful,
            .changes = at_.changes,
            .after =
                [this](duration wait, std::function<void()> what) {
                  let_happen(around_.time.now() + wait, std::move(what));
                },
            .tell = [this](std::function<void()> what) { take(from_disk_, std::move(what)); }},
        dice{random_.bits()});
    for (const auto& one : at_.tallies)
      core_.note(one);
    core_.note({at_.self, at_.changes});
    core_.numbers_under(at_.self);
    kept_tallies_ = core_.tallies().version();
    restore(std::nullopt);
    is_certain_ = at_.is_certain;
  }
  schedule_round();
}

// -- its id --

void replica::start() {
  if (is_certain_)
    return;
  asked_.emplace(at_.changes, at_.others);
  around_.time.after(confirm_timeout, [this] {
    in_.happens({input_kind::other, nullptr}, [this] {
      is_time_up_ = true;
      if (asked_)
        asked_->time_is_up();
      settle();
    });
  });
  settle();
  ask_others();
}

void replica::ask_others() {
  if (!asked_)
    return;
  for (const auto& address : asked_->due())
    around_.ask(*this, address);
  around_.time.after(is_time_up_ ? 10 * ask_interval : ask_interval, [this] {
    in_.happens({input_kind::other, nullptr}, [this] { ask_others(); });
  });
}

replication::statement replica::state(const crdt::replica_id& about) const {
  return {session(), core_.tallies().of(about)};
}

void replica::stated(const std::string& address,
                     const std::optional<replication::statement>& said) {
  if (!asked_)
    return;
  if (!said)
    asked_->failed(address);
  else if (said->from == session())
    asked_->leave_out(address);
  else
    asked_->answered(address, said->changes);
  settle();
}

void replica::settle() {
  if (!asked_)
    return;
  switch (asked_->result()) {
  case replication::confirmation::outcome::open:
    if (is_time_up_ && !held_.empty())
      renew();
    return;
  case replication::confirmation::outcome::sure:
    return around_.confirms(*this) ? number_on() : renew();
  case replication::confirmation::outcome::set_back:
    return renew();
  }
}

void replica::number_on() {
  asked_.reset();
  is_certain_ = true;
  for (const auto& write : std::exchange(held_, {}))
    write();
}

/// Numbers further events under another id than the one of which events are lost, once that is
/// kept, and then says which.
void replica::renew(const crdt::replica_id& lost, const keeper::renewed& then) {
  if (lost != at_.self)
    return then(at_.self); // somebody else has noticed
  renewed_.push_back(then);
  if (std::exchange(is_renewing_, true))
    return;
  if (at_.self == at_.fresh) { // it needs another one
    const auto high = random_.bits();
    at_.fresh = crdt::replica_id::from(high, random_.bits());
  }
  asked_.reset();
  is_certain_ = false;
  around_.renews(*this, at_.fresh);
  commit(storage::keeping_replica(at_.seen, at_.is_careful, at_.fresh), nullptr,
         [this](const std::optional<keyspace::failure>& why, std::uint64_t) {
           is_renewing_ = false;
           if (!why) {
             at_.self = around_keepers_.self = at_.fresh;
             core_.numbers_under(at_.self);
             for (auto& [key, one] : keepers_)
               one.number_under(at_.self);
             number_on();
           }
           for (const auto& tell : std::exchange(renewed_, {}))
             tell(why ? std::nullopt : std::optional{at_.self});
         });
}

void replica::renew() {
  renew(at_.self, [](const auto&) {});
}

/// Keeps what a peer told of how far nodes got, no later than what it sent along.
void replica::hear_tallies() {
  const auto forgotten = core_.take_forgotten();
  if (at_.rows == nullptr)
    return;
  storage::batch changes;
  for (const auto& id : forgotten)
    storage::erase_tally(changes, id);
  for (const auto& one :
       core_.tallies().since(std::exchange(kept_tallies_, core_.tallies().version())))
    storage::put_tally(changes, one);
  if (!changes.empty())
    committer_->note(std::move(changes));
  if (core_.was_set_back())
    renew();
}

// -- what it has --

std::vector<crdt::key> replica::keys() const {
  std::vector<crdt::key> result;
  if (at_.rows == nullptr) {
    for (const auto& [key, one] : keepers_)
      if (!one.held()->empty())
        result.push_back(key);
    return result;
  }
  const auto all = storage::read_digests(*at_.rows->now(), std::nullopt, SIZE_MAX);
  for (const auto& [key, digest] : std::get<storage::digests_page>(all))
    result.push_back(key);
  return result;
}

crdt::value replica::value_of(const crdt::key& key) const {
  if (at_.rows == nullptr) {
    const auto found = keepers_.find(key);
    return found == keepers_.end() ? crdt::value{key.type} : found->second.held()->value();
  }
  const auto read = storage::read_unchecked(*at_.rows->now(), key);
  const auto* kept = std::get_if<std::optional<crdt::value>>(&read);
  return kept != nullptr && *kept ? **kept : crdt::value{key.type};
}

bool replica::has_only(const std::vector<crdt::key>& keys) const {
  if (at_.rows == nullptr)
    return true;
  disk::rows expected;
  for (const auto& key : keys) {
    const auto own = storage::held_value{key, value_of(key), around_.digests}.rows();
    for (const auto& [name, value] : own.changes())
      expected.emplace(name, *value);
  }
  auto rows = at_.rows->contents();
  std::erase_if(rows, [](const auto& row) { return row.first.starts_with(storage::node_row("")); });
  for (const auto which : {storage::lost_copy::first, storage::lost_copy::second})
    std::erase_if(rows, [beside = storage::lost_row(which, "")](const auto& row) {
      return row.first.starts_with(beside);
    });
  return rows == expected;
}

keeper& replica::keeper_of(const crdt::key& key) {
  return keepers_.try_emplace(key, key, around_keepers_).first->second;
}

void replica::let_one_rest() {
  if (at_.rows == nullptr || keepers_.empty())
    return;
  const auto key = random_.one_of(keepers_).first;
  if (keepers_.at(key).is_idle())
    keepers_.erase(key);
}

/// Takes in the digests of the keys after one, and so on to the last.
void replica::restore(const std::optional<crdt::key>& after) {
  around_keepers_.read([this, after](const storage::moment& at) {
    constexpr std::size_t keys_at_a_time = 3;
    const auto page =
        std::get<storage::digests_page>(storage::read_digests(at, after, keys_at_a_time));
    return [this, page] {
      for (const auto& [key, digest] : page)
        core_.restore(key, digest);
      if (!page.empty())
        return restore(page.back().first);
      is_restoring_ = false;
      for (const auto& [id, peer] : std::exchange(early_peers_, {}))
        set_peer(peer);
    };
  });
}

/// Requires: there is a disk.
void replica::commit(const storage::batch& changed, const std::shared_ptr<operation>& what,
                     const committer::committed& then) {
  take(to_disk_, [this, changed, what, then] { committer_->commit(changed, what, then); });
}

// -- time --

/// Lets something happen at the end of a way through this node, unless the process ends before.
void replica::take(way& w, std::function<void()> what) {
  w = std::max(w, around_.time.now() + random_.between(duration{0}, step_max));
  let_happen(w, std::move(what));
}

void replica::let_happen(duration when, std::function<void()> what) {
  around_.time.at(when, [this, what = std::move(what)] {
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
  const auto found = keepers_.find(key);
  if (to_shard(key) >= now || from_shard(key) >= now || joins_under_way_ > 0 || is_restoring_ ||
      (found != keepers_.end() && !found->second.is_idle()) ||
      (at_.rows != nullptr && at_.rows->has_failed()))
    return false;
  if (at_.rows != nullptr) {
    storage::batch erased;
    const auto own = storage::held_value{key, value_of(key), around_.digests}.rows();
    for (const auto& [name, value] : own.changes())
      erased.erase(name);
    at_.rows->lose(erased);
  }
  keepers_.erase(key);
  core_.lose(key);
  if (around_.log.listens())
    around_.log.tell(name_ + " loses " + to_text(key));
  return true;
}

// -- who is there --

void replica::hears(const membership::event& e) {
  if (at_.rows != nullptr) {
    remembered_ = membership::worth_remembering(in_.core, remembered_, membership::members_max);
    storage::batch members;
    members.put(storage::node_row("members"), membership::encode(remembered_));
    committer_->note(std::move(members));
  }
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
  if (is_restoring_) {
    early_peers_[m.id] = m;
    return;
  }
  const session_id session{m.profile->session.bits};
  if (const auto known = sessions_.find(m.id); known != sessions_.end() && known->second != session)
    lose_peer(m.id);
  sessions_[m.id] = session;
  addresses_[session] = m.profile->address;
  core_.add_peer(session);
  prompt_soon();
}

void replica::lose_peer(const membership::node_id& id) {
  early_peers_.erase(id);
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
  if (at_.lost.contains(key))
    return;
  if (is_certain_)
    return write_now(key, what);
  held_.push_back([this, key, what] { write_now(key, what); });
  settle();
}

void replica::write_now(const crdt::key& key, const crdt::command& what) {
  const auto op = std::make_shared<operation>(operation{key, what, at_.self, {}, {}});
  keeper_of(key).write(op, [this, op](bool is_done) {
    if (!is_done)
      return; // refused, or it cannot be committed
    op->is_acknowledged = true;
    around_.log.note(a_write, in_.born.number, op->key.name);
    if (around_.log.listens())
      around_.log.tell(name_ + " writes " + to_text(op->key) +
                       (op->before == op->after ? " to no effect" : ""));
  });
  after_input();
}

void replica::read(const crdt::key& key, const std::optional<crdt::payload>& member,
                   const keeper::shown& then) {
  if (at_.lost.contains(key))
    return then(nullptr);
  keeper_of(key).read(member, then);
}

void replica::receive(const std::string& bytes, std::function<void(std::string)> reply) {
  auto decoded = replication::decode_message(bytes);
  if (const auto* error = std::get_if<wire::decode_error>(&decoded))
    return complain("R4", "cannot read a message: " + std::string{error->what});
  if (is_restoring_)
    return reply("");
  auto taken = core_.take(std::get<replication::message>(std::move(decoded)));
  hear_tallies();
  if (auto* at_once = std::get_if<replication::gossip::reply>(&taken)) {
    check_size(at_once->bytes);
    return reply(std::move(at_once->bytes));
  }
  const auto in = std::make_shared<const replication::gossip::incoming>(
      std::get<replication::gossip::incoming>(std::move(taken)));
  join_all(in->head.from, in->items, [this, in, reply](bool is_committed) {
    if (!is_committed) {
      core_.not_joined(*in);
      return reply("");
    }
    if (!in->wanted)
      return acknowledge(*in, {}, reply);
    read_state(*in->wanted,
               [this, in, reply](const std::string& state) { acknowledge(*in, state, reply); });
  });
  after_input();
}

/// Joins what a peer sent, and then does something; with false if the disk did not take some of it.
void replica::join_all(session_id from, const std::vector<replication::item>& items,
                       std::function<void(bool)> then) {
  if (items.empty())
    return then(true);
  last_activity_ = around_.time.now();
  ++joins_under_way_;
  struct joining {
    std::size_t left;
    bool is_committed = true;
  };
  const auto all = std::make_shared<joining>(joining{items.size()});
  for (const auto& one : items) {
    around_.past.check_events(one.key, one.part);
    const auto item = std::make_shared<const replication::item>(one);
    take(to_shard(item->key), [this, from, item, all, then] {
      keeper_of(item->key).join(item->part, [this, from, item, all,
                                             then](const keyspace::novelty* news) {
        take(from_shard(item->key), [this, from, item, all, then,
                                     n = news == nullptr ? std::nullopt : std::optional{*news}] {
          if (n && n->part)
            record(item->key, *n->part, n->now, from);
          all->is_committed = all->is_committed && n;
          if (--all->left > 0)
            return;
          then(all->is_committed);
          --joins_under_way_;
        });
      });
    });
  }
}

/// Answers that all of a message is part of our values, and sees whether it is.
void replica::acknowledge(const replication::gossip::incoming& in, std::string_view state,
                          const std::function<void(std::string)>& reply) {
  around_.log.weigh("R7");
  for (const auto& [key, part] : in.items) {
    auto ours = value_of(key);
    if (ours.join(part))
      complain("R7", "acknowledges more of " + to_text(key) + " than it has");
  }
  auto done = core_.joined(in, state);
  check_size(done.bytes);
  reply(std::move(done.bytes));
  perform(std::move(done.effects));
  open_what_was_lost();
}

void replica::open_what_was_lost() {
  if (at_.lost.empty() || !core_.has_caught_up() || at_.rows->has_failed())
    return;
  around_.opens(*this);
  at_.lost = {};
  commit(std::get<storage::batch>(storage::without_lost_keys(*at_.rows->now())), nullptr,
         [](const auto&, auto) {});
  if (around_.log.listens())
    around_.log.tell(name_ + " has back what its disk had lost");
}

void replica::record(const crdt::key& key, const crdt::value& delta, const replication::digest& now,
                     std::optional<session_id> from) {
  last_activity_ = around_.time.now();
  core_.record(key, delta, now, from);
  prompt_soon();
}

// -- what the core wants done --

void replica::schedule_round() {
  const auto wait = random_.between(around_.interval / 2, around_.interval * 3 / 2);
  around_.time.after(wait, [this] {
    in_.happens({input_kind::other, nullptr}, [this] {
      let_one_rest();
      // All at once now and then, as before a node stops.
      core_.tick();
      const bool with_all = random_.chance(0.1);
      perform(with_all ? core_.rounds({}) : core_.round(random_.bits()));
      after_input();
      schedule_round();
    });
  });
}

/// Until nobody who answers lacks anything, rounds follow each other.
void replica::prompt_soon() {
  if (around_.prompt_delay == duration{0} || is_prompted_ || !core_.may_prompt())
    return;
  is_prompted_ = true;
  let_happen(around_.time.now() + around_.prompt_delay, [this] {
    is_prompted_ = false;
    perform(core_.prompt(random_.bits()));
    prompt_soon();
  });
}

void replica::retry_later(session_id peer) {
  if (around_.prompt_delay == duration{0})
    return;
  auto& wait = retries_[peer];
  wait = wait == duration{0} ? retry_after : std::min(2 * wait, around_.interval);
  let_happen(around_.time.now() + wait, [this, peer] {
    if (addresses_.contains(peer))
      perform(core_.retry(peer));
  });
}

void replica::perform(std::vector<replication::effect> effects) {
  for (auto& effect : effects)
    std::visit([this](auto& e) { carry_out(e); }, effect);
  prompt_soon();
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
  const auto around =
      200 + crdt::key_name_max + core_.tallies().since(0).size() * replication::tally_bytes_max;
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
    read_state(key, [this, peer = e.peer, all, key](std::string bytes) {
      if (!bytes.empty())
        all->items.push_back({key, std::move(bytes)});
      if (--all->left > 0)
        return;
      under_way_.erase(peer);
      perform(core_.states_read(peer, std::move(all->items)));
    });
}

/// Reads the state of a key, encoded, and then does something; with nothing if it cannot be read.
void replica::read_state(const crdt::key& key, std::function<void(std::string)> then) {
  take(to_shard(key), [this, key, then] {
    keeper_of(key).read_state([this, key, then](const std::string* bytes) {
      take(from_shard(key),
           [then, state = bytes == nullptr ? std::string{} : *bytes] { then(state); });
    });
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
  hear_tallies();
  around_.log.note(an_acknowledgement, in_.born.number, bytes);
  retries_.erase(peer);
  joining_.insert(peer);
  join_all(peer, *items, [this, peer, a = *answer](bool is_committed) {
    joining_.erase(peer);
    if (!is_committed)
      return failed(peer);
    under_way_.erase(peer);
    perform(core_.answered(peer, a));
    open_what_was_lost();
  });
  after_input();
}

void replica::failed(session_id peer) {
  under_way_.erase(peer);
  core_.failed(peer);
  retry_later(peer);
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
