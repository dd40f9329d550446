#include "sim/cluster/replica.hpp"

#include "keyspace/route.hpp"
#include "storage/identity.hpp"
#include "storage/kept_since.hpp"
#include "storage/reading.hpp"

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

/// How many keys are awake at most, and for how long one that nobody uses.
constexpr std::size_t awake_most = 12;
constexpr duration longest_awake = seconds{4};

constexpr duration flush_patience = milliseconds{20};

/// Microseconds since 1970 when a run begins.
constexpr std::int64_t wall_clock_start = 1'700'000'000'000'000;

/// What of the hash of a run is a matter of replicas.
enum what_happened : std::uint64_t { a_message = 100, an_acknowledgement, a_write };

} // namespace

replica::replica(process& in, std::string name, const surroundings& around, home at, dice random)
    : in_(in), name_(std::move(name)), around_(around), at_(at), random_(random),
      clock_skew_(random_.between(-seconds{1}, seconds{1})),
      order_({.awake_max = 1 + random_.below(awake_most),
              .rest_after = random_.between(milliseconds{100}, longest_awake)}),
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
                send(to_reader_, [this, what] { send(from_reader_, what(*at_.rows->now())); });
              },
          .commit = [this](const storage::batch& changed, const std::shared_ptr<operation>& what,
                           const committer::committed& then) { commit(changed, what, then); },
          .renew = [this](const crdt::replica_id& lost,
                          const keeper::renewed& then) { give_up(lost, then); },
          .spread =
              [this](const crdt::key& key, const keyspace::novelty& news) {
                send(from_shard(key), [this, key, news] {
                  last_activity_ = around_.time.now();
                  report([&](auto& todo) { core_.record(key, news, todo); });
                });
              },
          .has_news =
              [this](const crdt::key& key) {
                send(from_shard(key), [this, key] {
                  last_activity_ = around_.time.now();
                  report([&](auto& todo) { core_.has_news(key, todo); });
                });
              },
          .complain =
              [this](std::string invariant, std::string what) {
                complain(std::move(invariant), std::move(what));
              }},
      core_({.self = session(),
             .limits = around.limits,
             .digests = around.digests,
             .prompts = around.prompt_delay != duration{0},
             .interval = std::chrono::duration_cast<milliseconds>(around.interval),
             .is_restoring = at.rows != nullptr,
             .own = at.rows == nullptr ? std::nullopt
                                       : std::optional{replication::tally{at.self, at.changes}},
             .former = at.former,
             .is_certain = at.rows == nullptr || at.is_certain,
             .rescuers = at.rescuers,
             .kept_since = at.kept_since,
             .witnesses = at.witnesses,
             .random_seed = random_.bits()}),
      numbering_({.replica = at.self,
                  .session = session(),
                  .changes = at.changes,
                  .former = at.former,
                  .is_certain = at.rows == nullptr || at.is_certain,
                  .seen = at.seen,
                  .is_careful = at.is_careful}),
      remembered_(at.members), holders_(membership::holders_among(at.members)) {
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
            .tell = [this](std::function<void()> what) { send(from_disk_, std::move(what)); }},
        dice{random_.bits()});
    core_.remember(at_.tallies);
    restore(std::nullopt);
  }
  schedule_round();
}

// -- its id --

template <class Report>
void replica::report_id(Report report_to) {
  keyspace::numbering_effects todo;
  report_to(todo);
  for (const auto& effect : todo)
    std::visit([this](const auto& e) { carry_out(e); }, effect);
}

void replica::start() {
  if (numbering_.is_certain())
    return;
  asked_.emplace(at_.changes, std::set(at_.witnesses.begin(), at_.witnesses.end()), at_.others);
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
  return core_.state(about);
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
    asked_->answered(address, *said);
  settle();
}

void replica::settle() {
  if (!asked_)
    return;
  switch (asked_->result()) {
  case replication::confirmation::outcome::open:
    return;
  case replication::confirmation::outcome::doubtful:
    core_.found_no_witness();
    return report_id([this](auto& todo) { numbering_.doubted(fresh_id(), todo); });
  case replication::confirmation::outcome::sure:
    if (!around_.confirms(*this))
      return give_up(self(), [](const auto&) {});
    asked_.reset();
    core_.confirmed();
    return report_id([this](auto& todo) { numbering_.confirmed(todo); });
  case replication::confirmation::outcome::set_back:
    return give_up(self(), [](const auto&) {});
  }
}

crdt::replica_id replica::fresh_id() {
  const auto high = random_.bits();
  return crdt::replica_id::from(high, random_.bits());
}

void replica::give_up(const crdt::replica_id& lost, const keeper::renewed& then) {
  id_askers_.emplace(++last_id_asker_, then);
  report_id([&](auto& todo) {
    numbering_.give_up(lost, {storage::renewal::cause::set_back, "others have more"}, fresh_id(),
                       last_id_asker_, todo);
  });
}

void replica::carry_out(const keyspace::keep_id& e) {
  const bool shows_loss = storage::shows_loss(e.why.what);
  around_.renews(*this, e.id, shows_loss);
  if (shows_loss)
    asked_.reset(); // else whoever answers later may show it still
  commit(e.change, nullptr, [this](const std::optional<keyspace::failure>& why, std::uint64_t) {
    report_id([&](auto& todo) { why ? numbering_.failed(*why, todo) : numbering_.kept(todo); });
  });
}

void replica::carry_out(const keyspace::number_under& e) {
  around_keepers_.self = e.id;
  core_.number_under(e.id);
  if (storage::shows_loss(e.why.what)) {
    at_.kept_since = session();
    core_.doubt_what_is_kept();
  }
  for (auto& [key, one] : keepers_)
    one.number_under(e.id);
}

void replica::carry_out(const keyspace::answer_id& e) {
  const auto tell = std::move(id_askers_.extract(e.to).mapped());
  const auto* id = std::get_if<crdt::replica_id>(&e.what);
  tell(id == nullptr ? std::nullopt : std::optional{*id});
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
  const auto all = storage::read_digests(*at_.rows->undamaged(), std::nullopt, SIZE_MAX);
  for (const auto& [key, digest] : std::get<storage::digests_page>(all).keys)
    result.push_back(key);
  return result;
}

crdt::value replica::value_of(const crdt::key& key) const {
  if (at_.rows == nullptr) {
    const auto found = keepers_.find(key);
    return found == keepers_.end() ? crdt::value{key.type} : found->second.held()->value();
  }
  const auto read = storage::read_unchecked(*at_.rows->undamaged(), key);
  return read && *read ? **read : crdt::value{key.type};
}

bool replica::has_only(const std::vector<crdt::key>& keys) const {
  if (at_.rows == nullptr)
    return true;
  storage::memory_store expected;
  for (const auto& key : keys)
    static_cast<void>(
        expected.commit({storage::held_value{key, value_of(key), around_.digests}.rows()}, false));
  auto rows = at_.rows->contents();
  std::erase_if(rows, [](const auto& row) { return row.first.starts_with(storage::node_row("")); });
  for (const auto which : {storage::lost_copy::first, storage::lost_copy::second})
    std::erase_if(rows, [beside = storage::lost_row(which, "")](const auto& row) {
      return row.first.starts_with(beside);
    });
  return rows == expected.contents();
}

keeper& replica::keeper_of(const crdt::key& key) {
  if (at_.rows != nullptr) {
    const auto now = around_.time.now();
    const auto [at, is_new] = awake_.try_emplace(key);
    if (is_new)
      at->second = order_.wakes(at->first, now);
    else
      order_.uses(at->second, now);
    while (const auto* other = order_.next_too_many(&at->first))
      let_rest(*other);
  }
  return keepers_.try_emplace(key, key, around_keepers_).first->second;
}

void replica::let_idle_rest() {
  while (const auto* key = order_.next_idle(around_.time.now()))
    let_rest(*key);
}

/// Behind all that is on its way to the key.
void replica::let_rest(const crdt::key& key) {
  send(to_shard(key), [this, key] {
    const auto at = awake_.find(key);
    const auto found = keepers_.find(key);
    if (found != keepers_.end() && !found->second.is_idle())
      return order_.stays(at->second);
    order_.has_rested(at->second);
    awake_.erase(at);
    if (found == keepers_.end())
      return;
    found->second.tell_news();
    keepers_.erase(found);
  });
}

/// Takes in the digests of the keys after one, and so on to the last.
void replica::restore(const std::optional<crdt::key>& after) {
  around_keepers_.read([this, after](const storage::snapshot& at) {
    constexpr std::size_t keys_at_a_time = 3;
    const auto read = storage::read_digests(at, after, keys_at_a_time);
    return [this, page = read ? std::optional{*read} : std::nullopt] {
      if (page)
        core_.restore(*page);
      else
        core_.cannot_restore_all();
      if (page && !page->keys.empty())
        return restore(page->keys.back().first);
      report([this](auto& todo) { core_.restored(todo); });
    };
  });
}

/// Requires: there is a disk.
void replica::commit(const storage::batch& changed, const std::shared_ptr<operation>& what,
                     const committer::committed& then) {
  send(to_disk_, [this, changed, what, then] { committer_->commit(changed, what, then); });
}

// -- time --

/// Lets something happen at the end of a way through this node, unless the process ends before.
void replica::send(way& w, std::function<void()> what) {
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
  if (core().log().bytes() > around_.limits.log_bytes)
    complain("R5", "its log passed its bound");
}

replica::way& replica::to_shard(const crdt::key& key) {
  return to_shards_[keyspace::route(key, shards)];
}

replica::way& replica::from_shard(const crdt::key& key) {
  return from_shards_[keyspace::route(key, shards)];
}

void replica::complain(std::string invariant, std::string what) {
  around_.log.complain(std::move(invariant), name_, std::move(what));
}

bool replica::lose(const crdt::key& key) {
  const auto now = around_.time.now();
  const auto found = keepers_.find(key);
  if (to_shard(key) >= now || from_shard(key) >= now || core_.is_joining() ||
      core_.is_restoring() ||
      (found != keepers_.end() && (!found->second.is_idle() || found->second.knows_news())) ||
      (at_.rows != nullptr && at_.rows->has_failed()))
    return false;
  if (at_.rows != nullptr) {
    storage::batch erased;
    const auto own = storage::held_value{key, value_of(key), around_.digests}.rows();
    for (const auto& change : own.changes())
      erased.erase(change.name);
    at_.rows->lose(erased);
  }
  keepers_.erase(key);
  core_.lose(key);
  if (around_.log.listens())
    around_.log.tell(name_ + " loses " + to_text(key));
  return true;
}

// -- who is there --

void replica::remember_members() {
  if (at_.rows == nullptr)
    return;
  remembered_ =
      membership::worth_remembering(in_.core, remembered_, holders_, membership::members_max);
  storage::batch members;
  members.put(storage::members_row(), membership::encode(remembered_));
  committer_->note(std::move(members));
}

replication::type_set types_read_by(const membership::abilities& can) {
  replication::type_set result;
  for (const auto& [type, format] : can.values)
    result.insert(static_cast<crdt::type>(type));
  return result;
}

void replica::hears(const membership::event& e) {
  remember_members();
  switch (e.kind) {
  case membership::event_kind::joined:
  case membership::event_kind::updated:
  case membership::event_kind::recovered:
    if (e.who.profile)
      send(from_membership_, [this, who = e.who] {
        const session_id session{who.profile->session.bits};
        if (const auto [at, is_new] = met_.try_emplace(session); is_new)
          for (const auto& key : keys())
            at->second.emplace(key, value_of(key));
        const auto& can = who.profile->abilities;
        report([&](auto& todo) {
          core_.set_peer(to_string(who.id), session, who.profile->address,
                         {in_.core.version_for(can.speaks), types_read_by(can)}, todo);
        });
      });
    return;
  case membership::event_kind::failed:
  case membership::event_kind::left:
    return send(from_membership_, [this, id = e.who.id] {
      report([&](auto& todo) { core_.lose_peer(to_string(id), todo); });
    });
  default:
    return;
  }
}

// -- what clients and peers send --

void replica::write(const crdt::key& key, const crdt::command& what) {
  if (at_.lost.contains(key))
    return;
  if (numbering_.is_certain())
    return write_now(key, what);
  id_askers_.emplace(++last_id_asker_, [this, key, what](const auto& id) {
    if (id)
      write_now(key, what);
  });
  report_id([this](auto& todo) { numbering_.ask(last_id_asker_, fresh_id(), todo); });
}

void replica::write_now(const crdt::key& key, const crdt::command& what) {
  const auto op = std::make_shared<operation>(operation{key, what, self(), {}, {}});
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

/// Whether a message is for a former process here, in a version that this one does not speak: its
/// sender has not heard yet who is here now.
bool replica::is_for_former(const std::string& bytes) const {
  wire::reader in{bytes};
  if (around_.limits.ours.speaks.contains(in.u8()))
    return false;
  in.raw(8); // from
  session_id to;
  for (int shift = 0; shift < 64; shift += 8)
    to.value |= std::uint64_t{in.u8()} << shift;
  return to != session();
}

void replica::receive(const std::string& bytes, std::function<void(std::string)> reply) {
  if (is_for_former(bytes))
    return reply("");
  const auto who = ++last_ticket_;
  replies_.emplace(who, std::move(reply));
  report([&](auto& todo) {
    core_.receive(who, bytes, todo);
    for (const auto& effect : todo)
      if (const auto* one = std::get_if<keyspace::join_parts>(&effect))
        acknowledging_[who] = one->items;
  });
  after_input();
}

// -- what the core wants done --

template <class Report>
void replica::report(Report report_to) {
  keyspace::gossip_effects todo;
  report_to(todo);
  for (const auto& effect : todo)
    std::visit([this](const auto& e) { carry_out(e); }, effect);
}

void replica::schedule_round() {
  const auto wait = random_.between(around_.interval / 2, around_.interval * 3 / 2);
  around_.time.after(wait, [this] {
    in_.happens({input_kind::other, nullptr}, [this] {
      let_idle_rest();
      if (numbering_.is_certain() && at_.rows != nullptr && !at_.rows->has_failed())
        ++certain_rounds_;
      // All at once now and then, as before a node stops.
      const bool with_all = random_.chance(0.1);
      report([&](auto& todo) {
        core_.tick(todo);
        with_all ? core_.flush(++last_ticket_, todo) : core_.round_due(todo);
      });
      after_input();
      schedule_round();
    });
  });
}

void replica::carry_out(const keyspace::prompt_later&) {
  let_happen(around_.time.now() + around_.prompt_delay,
             [this] { report([this](auto& todo) { core_.prompt_due(todo); }); });
}

void replica::carry_out(const keyspace::retry_later& e) {
  const auto number = ++retries_[e.peer]; // an earlier one is replaced
  let_happen(around_.time.now() + e.wait, [this, peer = e.peer, number] {
    if (retries_[peer] == number)
      report([&](auto& todo) { core_.retry_due(peer, todo); });
  });
}

void replica::carry_out(const keyspace::flush_later&) {
  let_happen(around_.time.now() + flush_patience,
             [this] { report([this](auto& todo) { core_.flush_due(todo); }); });
}

void replica::carry_out(const keyspace::post& e) {
  if (!under_way_.insert(e.peer).second)
    complain("R5", "does two things at a time for one peer");
  check_size(e.bytes);
  around_.log.note(a_message, in_.born.number, e.bytes);
  if (e.items > 0)
    last_activity_ = around_.time.now();
  if (around_.log.listens())
    around_.log.tell(name_ + " gossips " + std::to_string(e.items) + " items, " +
                     std::to_string(e.bytes.size()) + " bytes, to " + e.address);
  around_.post(*this, e.peer, e.address, e.bytes);
}

/// Nothing is larger than a message may be, beside what every message holds.
void replica::check_size(const std::string& bytes) {
  const auto around =
      200 + crdt::key_name_max + core().tallies().since(0).size() * replication::tally_bytes_max;
  const auto most = std::max(replication::repair_message_bytes_min, around_.limits.message_bytes);
  if (bytes.size() > most + around)
    complain("R5", "a message passed its bound");
}

void replica::carry_out(const keyspace::reply& e) {
  const auto to = std::move(replies_.extract(e.to).mapped());
  auto parts = acknowledging_.extract(e.to);
  if (const auto* why = std::get_if<keyspace::failure>(&e.what)) {
    if (why->why == keyspace::reason::bad_message)
      complain("R4", "cannot read a message: " + why->what);
    return to("");
  }
  const auto& bytes = std::get<std::string>(e.what);
  check_size(bytes);
  around_.log.weigh("R7");
  if (parts)
    for (const auto& [key, part] : parts.mapped()) {
      auto ours = value_of(key);
      if (ours.join(part))
        complain("R7", "acknowledges more of " + to_text(key) + " than it has");
    }
  to(bytes);
}

void replica::carry_out(const keyspace::join_parts& e) {
  struct gathered {
    std::size_t left;
    keyspace::join_outcome outcome;
  };
  last_activity_ = around_.time.now();
  const auto all = std::make_shared<gathered>(gathered{e.items.size(), {}});
  for (const auto& item : e.items) {
    around_.past.check_events(item.key, item.part);
    const auto count_down = [this, all, number = e.number, key = item.key] {
      send(from_shard(key), [this, all, number] {
        if (--all->left == 0)
          report([&](auto& todo) { core_.joined(number, all->outcome, todo); });
      });
    };
    const auto part = std::make_shared<const replication::item>(item);
    send(to_shard(item.key), [this, all, part, from = e.from, count_down] {
      keeper_of(part->key).join(from, part->part, [all, count_down](const auto* why) {
        if (why != nullptr)
          all->outcome.add({keyspace::reason::disk_failed, "the disk"});
        count_down();
      });
    });
  }
}

void replica::carry_out(const keyspace::gather_news& e) {
  const auto left = std::make_shared<std::size_t>(e.keys.size());
  for (const auto& key : e.keys)
    send(to_shard(key), [this, left, key] {
      if (const auto found = keepers_.find(key); found != keepers_.end())
        found->second.tell_news();
      send(from_shard(key), [this, left] {
        if (--*left == 0)
          report([this](auto& todo) { core_.gathered(todo); });
      });
    });
}

void replica::carry_out(const keyspace::read_state& e) {
  around_.reads_states(*this);
  send(to_shard(e.key), [this, number = e.number, key = e.key] {
    keeper_of(key).read_state([this, number, key](const std::string* bytes) {
      send(from_shard(key), [this, number, state = bytes == nullptr ? std::string{} : *bytes] {
        report([&](auto& todo) { core_.state_read(number, state, todo); });
      });
    });
  });
}

void replica::carry_out(const keyspace::keep& e) {
  if (committer_)
    committer_->note(e.changes);
}

void replica::carry_out(const keyspace::was_set_back& e) {
  if (committer_)
    give_up(e.lost, [](const auto&) {});
}

void replica::carry_out(const keyspace::stranger& e) {
  around_.call_on(in_, e.address);
}

void replica::carry_out(const keyspace::peer_refuses& e) {
  complain("R5", to_text(e.key) + " is too large for a peer");
}

void replica::carry_out(const keyspace::held_all& e) {
  around_.has_holder(*this, e.peer, met_.at(e.peer));
  for (const auto& peer : in_.core.peers())
    if (peer.record->profile && peer.record->profile->session.bits == e.peer.value)
      holders_.insert_or_assign(peer.record->id, membership::session_id{e.kept_since.value});
  remember_members();
}

void replica::carry_out(const keyspace::count_moment&) {
  send(to_disk_, [this] {
    committer_->count([this](const std::optional<keyspace::failure>& why, std::uint64_t changes) {
      if (!why)
        core_.counted(changes);
    });
  });
}

void replica::carry_out(const keyspace::commit_what_is_kept&) {
  if (committer_)
    commit({}, nullptr, [](const auto&, auto) {});
}

void replica::carry_out(const keyspace::caught_up&) {
  if (at_.lost.empty() || at_.rows->has_failed())
    return;
  at_.lost = {};
  around_.opens(*this);
  commit(std::get<storage::batch>(storage::without_lost_keys(*at_.rows->undamaged())), nullptr,
         [](const auto&, auto) {});
  if (around_.log.listens())
    around_.log.tell(name_ + " has back what its disk had lost");
}

void replica::answered(session_id peer, const std::string& bytes) {
  under_way_.erase(peer);
  around_.log.note(an_acknowledgement, in_.born.number, bytes);
  constexpr bool was_slow = false;
  report([&](auto& todo) { core_.answered(peer, bytes, was_slow, todo); });
  after_input();
}

void replica::failed(session_id peer) {
  under_way_.erase(peer);
  report([&](auto& todo) { core_.failed(peer, "no answer", todo); });
  after_input();
}

void replica::answered_late(session_id peer, const std::string& bytes) {
  around_.log.weigh("R7");
  const auto answer = replication::decode_answer(bytes, around_.limits.ours);
  if (answer && core().expects(peer, *answer) && !core_.is_joining_answer_of(peer))
    complain("R7", "takes the answer to one message for that to another");
}

} // namespace starling::simulation
