#include "actors/shard.hpp"

#include "actors/end_on_error.hpp"
#include "actors/ending.hpp"
#include "actors/inline_unit.hpp"
#include "actors/key_table.hpp"
#include "keyspace/rest_order.hpp"
#include "keyspace/route.hpp"

#include <caf/disposable.hpp>
#include <caf/send.hpp>
#include <caf/telemetry/gauge.hpp>
#include <caf/telemetry/metric_registry.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

namespace starling::actors {

namespace {

class shard_impl : public shard_actor::base {
public:
  shard_impl(caf::actor_config& cfg, const shard_context& context)
      : shard_actor::base(cfg), context_(context),
        awake_gauge_(home_system().metrics().gauge_singleton(
            "starling", "keys.awake", "Keys whose value is held by an actor.")) {
    end_process_on_error(this);
  }

  const char* name() const override { return "shard"; }

  void on_exit() override {
    timer_.dispose();
    awake_gauge_->dec(static_cast<std::int64_t>(awake_.size()));
    for (const auto& [key, one] : awake_)
      end_before_the_rest(one.actor);
    table_.clear();
    awake_.clear();
    held_writes_.clear();
    around_ = nullptr;
    context_.keys.gossip = nullptr;
    context_.keys.disk = nullptr;
    context_.keys.reader = nullptr;
    context_.keys.rows = nullptr;
  }

  behavior_type make_behavior() override {
    return {
        [this](apply_atom, std::vector<write_slot>& slots) {
          const auto now = clock().now();
          for (auto& slot : slots)
            apply(std::move(slot), now);
          keys_.run();
        },
        [this](join_atom, std::vector<join_slot>& slots) {
          const auto now = clock().now();
          for (auto& slot : slots)
            join(std::move(slot), now);
          keys_.run();
        },
        [this](news_atom, std::vector<news_slot>& slots) {
          for (auto& slot : slots)
            ask_for_news(std::move(slot));
          keys_.run();
        },
        [this](read_atom, const crdt::key& key, const crdt::query& q) -> caf::result<crdt::view> {
          if (is_lost(key))
            return errc::being_mended;
          if (!may_have(key))
            return errc::no_such_key;
          return pass_on<crdt::view>(key, read_atom_v, q);
        },
        [this](state_atom, const crdt::key& key) -> caf::result<std::string> {
          if (!may_have(key))
            return std::string{};
          return pass_on<std::string>(key, state_atom_v);
        },
        [this](keys_atom, const crdt::key_query& q) { return list(q); },
        [this](renew_atom, const crdt::replica_id& id, const storage::renewal&) {
          number_under(id);
        },
        [this](mended_atom) { context_.lost = nullptr; },
        [this](report_atom) { return std::uint64_t{awake_.size() + resting_.size()}; },
    };
  }

private:
  using time_point = caf::actor_clock::time_point;

  struct awake_key {
    key_actor actor;
    keyspace::rest_order::place place;
    std::vector<std::function<void(const key_actor&)>> held; // what came since it leaves
  };
  using awake_keys = std::map<crdt::key, awake_key>;

  // A key carries out within its shard what takes no more bytes.
  static constexpr std::size_t run_bytes_max = 4096;

  bool is_lost(const crdt::key& key) const { return context_.lost && context_.lost->contains(key); }

  /// Whether there may be a value. Without a disk this is certain.
  bool may_have(const crdt::key& key) {
    return context_.keys.disk || awake(key) != nullptr || resting_.contains(key);
  }

  // -- slots --

  void apply(write_slot slot, time_point now) {
    const auto& [key, what] = slot.order();
    if (is_lost(key))
      return slot.fail(errc::being_mended);
    if (!crdt::can_create(what, replica_of(key)) && !may_have(key))
      return slot.answer(crdt::view_of(crdt::value{key.type}, what));
    if (!context_.may_number)
      return hold(std::move(slot));
    pass_on(key, now, crdt::footprint_of(what), apply_atom_v, std::move(slot));
  }

  void join(join_slot slot, time_point now) {
    const auto& order = slot.order();
    if (order.part.empty() && !may_have(order.key))
      return slot.answer(0);
    pass_on(order.key, now, order.part.footprint(), join_atom_v, std::move(slot));
  }

  /// A key that has gone to rest, or is about to, has told its news before.
  void ask_for_news(news_slot slot) {
    if (const auto* found = awake(slot.order().key))
      keys_.send(found->second.actor, news_atom_v, std::move(slot));
  }

  /// Passes a slot on to its key, which handles it when the keys run. What is large would hold up
  /// the other keys, so it is left to the scheduler.
  template <class Atom, class Slot>
  void pass_on(const crdt::key& key, time_point now, std::size_t bytes, Atom atom, Slot slot) {
    auto& one = wake(key, now);
    if (order_.leaves(one.place))
      one.held.push_back([atom, slot = std::move(slot)](const key_actor& to) mutable {
        caf::anon_send(to, atom, std::move(slot));
      });
    else if (bytes > run_bytes_max)
      anon_send(one.actor, atom, std::move(slot));
    else
      keys_.send(one.actor, atom, std::move(slot));
  }

  // -- whether events may be numbered, and by whom --

  /// Who numbers the events of a key: today one id does for all, and one day one for each
  /// partition.
  const crdt::replica_id& replica_of(const crdt::key&) const { return context_.keys.replica; }

  /// Holds a write back until it is certain under which id it is numbered.
  void hold(write_slot slot) {
    held_writes_.push_back(std::move(slot));
    if (held_writes_.size() == 1)
      request(context_.keys.disk, caf::infinite, number_atom_v)
          .then([this](const crdt::replica_id& id) { number_under(id); },
                [this](const caf::error& why) {
                  for (auto& write : std::exchange(held_writes_, {}))
                    write.fail(why);
                });
  }

  void number_under(const crdt::replica_id& id) {
    context_.may_number = true;
    if (context_.keys.replica != id)
      for (const auto& [key, one] : awake_)
        anon_send(one.actor, renew_atom_v, id);
    context_.keys.replica = id;
    around_ = surroundings_of(context_.keys);
    const auto now = clock().now();
    for (auto& slot : std::exchange(held_writes_, {})) {
      const auto& key = slot.order().key;
      pass_on(key, now, SIZE_MAX, apply_atom_v, std::move(slot));
    }
  }

  template <class T, class... Ts>
  caf::result<T> pass_on(const crdt::key& key, Ts... message) {
    auto& one = wake(key);
    if (!order_.leaves(one.place))
      return delegate(one.actor, std::move(message)...);
    auto promise = make_response_promise<T>();
    one.held.push_back([promise, ... xs = std::move(message)](const key_actor& to) mutable {
      promise.delegate(to, std::move(xs)...);
    });
    return promise;
  }

  awake_keys::value_type* awake(const crdt::key& key) {
    auto* found = table_.find(key);
    if (found != nullptr || table_.size() == awake_.size())
      return found;
    const auto other = awake_.find(key);
    return other == awake_.end() ? nullptr : &*other;
  }

  awake_key& wake(const crdt::key& key) { return wake(key, clock().now()); }

  awake_key& wake(const crdt::key& key, time_point now) {
    auto* found = awake(key);
    if (found == nullptr) {
      std::string state;
      if (auto kept = resting_.extract(key))
        state = std::move(kept.mapped());
      found = &*awake_.emplace(key, awake_key{}).first;
      table_.insert(*found);
      found->second.actor = spawn_key(home_system(), key, around_, std::move(state));
      found->second.place = order_.wakes(found->first, since_epoch(now));
      awake_gauge_->inc();
      if (!is_ticking_)
        schedule_tick();
      make_room(&found->first);
    }
    auto& one = found->second;
    order_.uses(one.place, since_epoch(now));
    return one;
  }

  // -- sleep --

  /// Looks every second who may rest, as long as anybody is awake.
  void schedule_tick() {
    is_ticking_ = true;
    timer_ = run_delayed(std::chrono::seconds{1}, [this] {
      is_ticking_ = false;
      let_idle_rest();
      make_room(nullptr);
      if (!awake_.empty())
        schedule_tick();
    });
  }

  static std::chrono::nanoseconds since_epoch(time_point t) { return t.time_since_epoch(); }

  void let_idle_rest() {
    const auto now = since_epoch(clock().now());
    while (const auto* key = order_.next_idle(now))
      let_rest(*key);
  }

  void make_room(const crdt::key* spared) {
    bool was_too_many = false;
    while (const auto* key = order_.next_too_many(spared)) {
      was_too_many = true;
      let_rest(*key);
    }
    const auto* bytes = context_.keys.awake_bytes;
    if (was_too_many || bytes == nullptr || bytes->value() <= context_.awake_bytes_max)
      return;
    if (const auto* key = order_.next_too_large(spared))
      let_rest(*key);
  }

  void let_rest(const crdt::key& key) {
    request(awake_.at(key).actor, caf::infinite, rest_atom_v)
        .then([this, key](rested_key& left) { rests(key, std::move(left)); },
              [this](const caf::error& why) {
                end_process(name(), "a key does not go to rest: " + to_string(why));
              });
  }

  void rests(const crdt::key& key, rested_key left) {
    const auto found = awake_.find(key);
    auto& one = found->second;
    auto held = std::exchange(one.held, {});
    if (left.is_at_rest) {
      order_.has_rested(one.place);
      table_.erase(*found);
      awake_.erase(found);
      awake_gauge_->dec();
      if (!left.state.empty())
        resting_.emplace(key, std::move(left.state));
    } else {
      order_.stays(one.place); // it is at work
    }
    if (held.empty())
      return;
    const auto& actor = wake(key).actor;
    for (auto& message : held)
      message(actor);
  }

  std::vector<crdt::key> list(const crdt::key_query& q) const {
    std::vector<crdt::key> result;
    for (const auto& range : crdt::ranges_of(q)) {
      list(awake_, range, q.limit, result);
      list(resting_, range, q.limit, result);
    }
    return crdt::merged({std::move(result)}, q.limit).keys;
  }

  /// Adds up to so many keys of a range.
  template <class Keys>
  static void list(const Keys& from, const crdt::key_range& range, std::size_t most,
                   std::vector<crdt::key>& into) {
    for (auto at = from.lower_bound(range.first);
         at != from.end() && range.contains(at->first) && most > 0; ++at, --most)
      into.push_back(at->first);
  }

  shard_context context_;
  std::shared_ptr<const key_surroundings> around_ = surroundings_of(context_.keys); // of new keys
  awake_keys awake_;
  key_table<awake_keys::value_type, key_hash> table_; // of those, or of nearly all
  keyspace::rest_order order_{{context_.awake_max, context_.rest_after}};
  std::map<crdt::key, std::string> resting_; // encoded values, where there is no disk
  std::vector<write_slot> held_writes_;      // until it is certain who numbers them
  inline_unit keys_{home_system()};          // runs them
  caf::disposable timer_;
  bool is_ticking_ = false;
  caf::telemetry::int_gauge* awake_gauge_;
};

} // namespace

shard_actor spawn_shard(caf::actor_system& sys, const shard_context& context) {
  return sys.spawn<shard_impl>(context);
}

const shard_actor& shard_map::route(const crdt::key& key) const {
  return shards_[place_of(key)];
}

std::size_t shard_map::place_of(const crdt::key& key) const {
  return keyspace::route(key, shards_.size());
}

} // namespace starling::actors
