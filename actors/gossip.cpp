#include "actors/gossip.hpp"

#include "actors/last_words.hpp"
#include "actors/log.hpp"
#include "actors/shard.hpp"
#include "replication/confirmation.hpp"
#include "storage/tally_rows.hpp"

#include <caf/disposable.hpp>
#include <caf/send.hpp>
#include <caf/telemetry/counter.hpp>
#include <caf/telemetry/metric_registry.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <utility>

namespace starling::actors {

namespace {

using replication::session_id;

constexpr std::chrono::milliseconds flush_patience{20};

// Of the values that a peer does not take, a report names so many.
constexpr std::size_t refused_shown = 10;

// A message that takes longer is answered slowly: the next one is smaller.
constexpr std::chrono::seconds slow_after{2};

// Who failed is tried again after this, then after twice as long and so on.
constexpr std::chrono::milliseconds retry_after{100};

/// Counters in the actor system's registry; they only grow.
struct gossip_metrics {
  explicit gossip_metrics(caf::telemetry::metric_registry& registry) : registry_(registry) {}

  caf::telemetry::int_counter* counter(caf::string_view name, caf::string_view help) {
    return registry_.counter_singleton("starling", name, help, "1", true);
  }

  caf::telemetry::metric_registry& registry_;
  caf::telemetry::int_counter* messages_sent =
      counter("gossip.messages-sent", "Gossip messages sent.");
  caf::telemetry::int_counter* messages_failed =
      counter("gossip.messages-failed", "Gossip messages that were not acknowledged.");
  caf::telemetry::int_counter* messages_received =
      counter("gossip.messages-received", "Gossip messages received.");
  caf::telemetry::int_counter* items_sent = counter("gossip.items-sent", "Deltas and states sent.");
  caf::telemetry::int_counter* items_received =
      counter("gossip.items-received", "Deltas and states received.");
  caf::telemetry::int_counter* items_redundant =
      counter("gossip.items-redundant", "Deltas and states received that brought nothing new.");
  caf::telemetry::int_counter* elements_sent =
      counter("gossip.elements-sent", "Events, entries and writes in what was sent.");
  caf::telemetry::int_counter* elements_received =
      counter("gossip.elements-received", "Events, entries and writes in what was received.");
  caf::telemetry::int_counter* elements_redundant =
      counter("gossip.elements-redundant", "Events, entries and writes received that were known.");
  caf::telemetry::int_counter* repairs_started =
      counter("gossip.repairs-started", "Comparisons of all keys with those of a peer.");
  caf::telemetry::int_counter* repairs_found = counter(
      "gossip.repairs-found",
      "Comparisons of all keys with those of a peer, for a difference that no delta explains.");
  caf::telemetry::int_counter* keys_mended =
      counter("gossip.keys-mended", "Keys for which a comparison brought something new.");
};

std::int64_t elements_of(const crdt::value& v) {
  return static_cast<std::int64_t>(v.elements());
}

class gossip_impl : public gossip_actor::base {
public:
  gossip_impl(caf::actor_config& cfg, const gossip_context& context)
      : gossip_actor::base(cfg), context_(context),
        core_(context.session, context.limits, context.digests), random_(context.random_seed),
        metrics_(home_system().metrics()), is_restoring_(context.reader != nullptr) {
    end_process_on_error(this);
    for (const auto& one : context_.others)
      core_.note(one);
    if (context_.own) {
      core_.note(*context_.own);
      number_under(context_.own->replica);
    }
    kept_ = core_.tallies().version();
  }

  const char* name() const override { return "gossip"; }

  void on_exit() override {
    timer_.dispose();
    tick_timer_.dispose();
    prompt_timer_.dispose();
    flush_timer_.dispose();
    for (auto& [peer, one] : retries_)
      one.timer.dispose();
    shards_ = shard_map{{}};
    context_.reader = nullptr;
    context_.disk = nullptr;
    context_.keeper = nullptr;
    context_.peers = nullptr;
    context_.membership = nullptr;
  }

  behavior_type make_behavior() override {
    if (is_restoring_)
      restore(std::nullopt);
    schedule_round();
    schedule_tick();
    return {
        [this](shards_atom, std::vector<shard_actor>& shards) {
          shards_ = shard_map{std::move(shards)};
        },
        [this](delta_atom, crdt::key& key, const novelty& delta) {
          if (delta.counted)
            core_.note(*delta.counted);
          record(std::move(key), delta, std::nullopt);
        },
        [this](message_atom, const std::string& bytes) { return receive(bytes); },
        [this](renew_atom, const crdt::replica_id& id) { number_under(id); },
        [this](question_atom, const std::string& bytes) { return state(bytes); },
        [this](peer_atom, const gossip_peer& peer) { set_peer(peer); },
        [this](lost_atom, const membership::node_id& id) { lose_peer(id); },
        [this](tick_atom) { start_rounds(); },
        [this](flush_atom) { return flush(); },
        [this](report_atom) { return report(); },
    };
  }

private:
  // -- what was there before --

  /// Takes in the digests of the keys after one, and so on to the last.
  void restore(const std::optional<crdt::key>& after) {
    request(context_.reader, caf::infinite, digests_atom_v, after)
        .then(
            [this](const storage::digests_page& page) {
              for (const auto& [key, digest] : page)
                core_.restore(key, digest);
              if (!page.empty())
                return restore(page.back().first);
              begin_gossip();
            },
            [this](const caf::error& why) { // what is not known is sent by peers
              log::error("gossip", "cannot read which keys there are: {}", reason_of(why));
              begin_gossip();
            });
  }

  void begin_gossip() {
    is_restoring_ = false;
    for (const auto& [id, peer] : std::exchange(early_peers_, {}))
      set_peer(peer);
  }

  // -- how far nodes got --

  void number_under(const crdt::replica_id& id) {
    own_id_ = id;
    core_.numbers_under(id);
  }

  caf::result<std::string> state(const std::string& question) {
    const auto decoded = replication::decode_question(question);
    if (const auto* error = std::get_if<wire::decode_error>(&decoded))
      return caf::make_error(errc::bad_message, std::string{error->what});
    return replication::encode(replication::statement{
        context_.session, core_.tallies().of(std::get<crdt::replica_id>(decoded))});
  }

  /// Has what a peer told of other nodes kept, no later than what it sent along.
  void keep_what_was_told() {
    storage::batch changes;
    for (const auto& id : core_.take_forgotten())
      storage::erase_tally(changes, id);
    for (const auto& one : core_.tallies().since(std::exchange(kept_, core_.tallies().version())))
      if (one.replica != own_id_ || core_.was_set_back())
        storage::put_tally(changes, one);
    if (!context_.keeper)
      return;
    if (!changes.empty())
      anon_send(context_.keeper, note_atom_v, std::move(changes));
    if (core_.was_set_back() && own_id_)
      anon_send(context_.keeper, renew_atom_v, *std::exchange(own_id_, std::nullopt),
                std::string{"another node knows of changes that this one does not have"});
  }

  // -- sending --

  void schedule_round() {
    timer_ = run_delayed(context_.interval, [this] {
      start_rounds();
      schedule_round();
    });
  }

  void schedule_tick() {
    tick_timer_ = run_delayed(std::chrono::seconds{1}, [this] {
      // A prompt round that found its peer busy is made up for.
      core_.tick();
      prompt_soon();
      schedule_tick();
    });
  }

  void start_rounds() {
    for (std::size_t i = 0; i < context_.limits.fanout; ++i)
      perform(core_.round(random_()));
  }

  /// Until nobody who answers lacks anything, rounds follow each other at the prompt delay.
  void prompt_soon() {
    if (context_.prompt_delay.count() == 0 || is_prompted_ || !core_.may_prompt())
      return;
    is_prompted_ = true;
    prompt_timer_ = run_delayed(context_.prompt_delay, [this] {
      is_prompted_ = false;
      for (std::size_t i = 0; i < context_.limits.fanout; ++i)
        perform(core_.prompt(random_()));
      prompt_soon();
    });
  }

  /// Who fails is tried again out of turn, later and later.
  void retry_later(session_id peer) {
    if (context_.prompt_delay.count() == 0)
      return;
    auto& [wait, timer] = retries_[peer];
    wait = wait.count() == 0 ? retry_after : std::min(2 * wait, context_.interval);
    timer.dispose();
    timer = run_delayed(wait, [this, peer] { perform(core_.retry(peer)); });
  }

  void stop_retrying(session_id peer) {
    if (const auto found = retries_.find(peer); found != retries_.end()) {
      found->second.timer.dispose();
      retries_.erase(found);
    }
  }

  void set_peer(const gossip_peer& peer) {
    if (is_restoring_) {
      early_peers_[peer.id] = peer;
      return;
    }
    if (const auto known = sessions_.find(peer.id);
        known != sessions_.end() && known->second != peer.session)
      lose_peer(peer.id);
    sessions_[peer.id] = peer.session;
    addresses_[peer.session] = peer.address;
    core_.add_peer(peer.session);
    prompt_soon();
  }

  void lose_peer(const membership::node_id& id) {
    early_peers_.erase(id);
    const auto known = sessions_.find(id);
    if (known == sessions_.end())
      return;
    const auto session = known->second;
    sessions_.erase(known);
    // Two processes that started with one id: the one that took a new id goes on in its session.
    if (std::ranges::any_of(sessions_, [&](const auto& one) { return one.second == session; }))
      return;
    core_.remove_peer(session);
    stop_retrying(session);
    addresses_.erase(session);
    silent_.erase(session);
    continue_flush();
  }

  caf::result<void> flush() {
    silent_.clear(); // each gets one more chance
    auto promise = make_response_promise<void>();
    flushing_.push_back(promise);
    continue_flush();
    return promise;
  }

  void continue_flush() {
    if (flushing_.empty())
      return;
    if (auto effects = core_.rounds(silent_); !effects.empty())
      return perform(std::move(effects));
    if (!core_.is_quiet())
      return;
    if (core_.was_put_off()) { // somebody is busy with others, who will soon be done
      flush_timer_.dispose();
      flush_timer_ = run_delayed(flush_patience, [this] {
        core_.ask_again();
        continue_flush();
      });
      return;
    }
    for (auto& promise : std::exchange(flushing_, {}))
      promise.deliver();
  }

  void perform(std::vector<replication::effect> effects) {
    for (auto& effect : effects)
      std::visit([this](auto& e) { perform(e); }, effect);
    continue_flush();
    prompt_soon();
  }

  void perform(replication::send_message& e) {
    const auto peer = e.peer;
    const auto address = addresses_.at(peer);
    metrics_.messages_sent->inc();
    metrics_.items_sent->inc(static_cast<std::int64_t>(e.items));
    metrics_.elements_sent->inc(static_cast<std::int64_t>(e.elements));
    request(context_.peers, caf::infinite, post_atom_v, address, std::string{gossip_path},
            std::move(e.bytes))
        .then([this, peer, address, begin = clock().now()](
                  const std::string& bytes) { answered(peer, address, bytes, begin); },
              [this, peer, address](const caf::error& why) {
                if (why == errc::unreachable)
                  anon_send(context_.membership, peer_atom_v, address, false);
                failed(peer, address, reason_of(why));
              });
  }

  void answered(session_id peer, const std::string& address, const std::string& bytes,
                caf::actor_clock::time_point begin) {
    auto decoded = replication::decode_answer(bytes);
    auto* answer = std::get_if<replication::answer>(&decoded);
    if (answer == nullptr)
      return failed(peer, address, "an answer that cannot be read");
    auto items = core_.take(peer, *answer);
    if (!items)
      return failed(peer, address, "an answer that does not fit");
    keep_what_was_told();
    if (silent_.erase(peer) > 0)
      tell_of_return(address);
    stop_retrying(peer);
    const bool mends = answer->rows.has_value();
    const bool was_slow = clock().now() - begin > slow_after;
    join(peer, *items, mends,
         [this, peer, address, was_slow, head = std::move(*answer)](const caf::error& why) {
           if (why)
             return failed(peer, address, reason_of(why));
           perform(core_.answered(peer, head, was_slow));
           count_repairs();
           tell_mended();
         });
  }

  void tell_of_return(const std::string& address) {
    log::info("gossip", "{} answers again", address);
    anon_send(context_.membership, peer_atom_v, address, true);
  }

  /// Whether the peer is dead is for the membership actor to find out.
  void failed(session_id peer, const std::string& address, const std::string& why) {
    if (addresses_.contains(peer) && silent_.insert(peer).second)
      log::warn("gossip", "{} takes no messages: {}", address, why);
    metrics_.messages_failed->inc();
    core_.failed(peer);
    if (addresses_.contains(peer))
      retry_later(peer);
    continue_flush();
  }

  void perform(const replication::read_states& e) {
    struct gathered {
      std::size_t left;
      std::vector<replication::encoded_item> items;
    };
    auto all = std::make_shared<gathered>(gathered{e.keys.size(), {}});
    for (const auto& key : e.keys)
      read(key, [this, peer = e.peer, all, key](std::string& bytes) {
        if (!bytes.empty())
          all->items.push_back({key, std::move(bytes)});
        if (--all->left == 0)
          perform(core_.states_read(peer, std::move(all->items)));
      });
  }

  /// Reads the state of a key and then calls `then`; with nothing if it cannot be read.
  template <class Function>
  void read(const crdt::key& key, Function then) {
    request(shards_.of(key), caf::infinite, state_atom_v, key)
        .then(then, [this, then](const caf::error& why) mutable {
          if (!is_of_disk(why))
            return lost_shard(why);
          std::string nothing;
          then(nothing);
        });
  }

  void perform(const replication::peer_changed& e) {
    const auto known = addresses_.find(e.believed);
    if (known == addresses_.end())
      return;
    silent_.insert(e.believed); // nobody is there to be asked again
    anon_send(context_.membership, peer_atom_v, known->second);
  }

  void perform(const replication::value_refused& e) {
    if (const auto known = addresses_.find(e.peer); known != addresses_.end())
      log::warn("gossip",
                "{} does not take {} {}, which is larger than its gossip.max-value: it lacks that",
                known->second, to_string(e.key.type), e.key.name);
  }

  // -- receiving --

  caf::result<std::string> receive(const std::string& bytes) {
    auto decoded = replication::decode_message(bytes);
    if (const auto* error = std::get_if<wire::decode_error>(&decoded))
      return caf::make_error(errc::bad_message, std::string{error->what});
    metrics_.messages_received->inc();
    if (is_restoring_)
      return caf::make_error(errc::unreachable, "not ready yet");
    auto taken = core_.take(std::get<replication::message>(std::move(decoded)));
    keep_what_was_told();
    if (auto* reply = std::get_if<replication::gossip::reply>(&taken))
      return std::move(reply->bytes);
    // The answer acknowledges, so it waits until every key has joined its part and the novelties
    // are in the log.
    auto promise = make_response_promise<std::string>();
    auto in = std::make_shared<replication::gossip::incoming>(
        std::get<replication::gossip::incoming>(std::move(taken)));
    const bool mends = in->head.mends || in->head.set;
    join(in->head.from, in->items, mends, [this, promise, in](const caf::error& why) mutable {
      if (why) {
        core_.not_joined(*in);
        return promise.deliver(why);
      }
      if (!in->wanted)
        return reply(promise, *in, {});
      read(*in->wanted,
           [this, promise, in](const std::string& state) mutable { reply(promise, *in, state); });
    });
    return promise;
  }

  void reply(caf::typed_response_promise<std::string>& promise,
             const replication::gossip::incoming& in, std::string_view state) {
    auto said = core_.joined(in, state);
    metrics_.items_sent->inc(static_cast<std::int64_t>(said.items));
    metrics_.elements_sent->inc(static_cast<std::int64_t>(said.elements));
    promise.deliver(std::move(said.bytes));
    perform(std::move(said.effects));
    tell_mended();
  }

  /// Some peer has brought all that it has: what the disk lost is back, as far as it can be.
  void tell_mended() {
    if (!context_.disk || !core_.has_caught_up())
      return;
    log::info("gossip", "what the disk had lost is back");
    anon_send(context_.disk, mended_atom_v);
    for (const auto& shard : shards_.all())
      anon_send(shard, mended_atom_v);
    context_.disk = nullptr;
  }

  /// Joins what a peer sent, logs what was new, and then calls `then`; with an error if the disk
  /// did not take some of it. The values are moved away.
  template <class Function>
  void join(session_id from, std::vector<replication::item>& items, bool mends, Function then) {
    if (items.empty())
      return then(caf::error{});
    metrics_.items_received->inc(static_cast<std::int64_t>(items.size()));
    struct joining {
      std::size_t left;
      Function then;
      caf::error failure;
      void count_down() {
        if (--left == 0)
          then(failure);
      }
    };
    auto all = std::make_shared<joining>(joining{items.size(), std::move(then), {}});
    for (auto& [key, part] : items) {
      const auto elements = elements_of(part);
      metrics_.elements_received->inc(elements);
      request(shards_.of(key), caf::infinite, join_atom_v, key, std::move(part))
          .then(
              [this, key = key, from, all, mends, elements](novelty& brought) mutable {
                const auto news = brought.part ? elements_of(*brought.part) : 0;
                metrics_.elements_redundant->inc(std::max<std::int64_t>(elements - news, 0));
                if (brought.part && mends)
                  metrics_.keys_mended->inc();
                if (brought.part)
                  record(std::move(key), brought, from);
                else
                  metrics_.items_redundant->inc();
                all->count_down();
              },
              [this, all](const caf::error& why) {
                if (!is_of_disk(why))
                  return lost_shard(why);
                all->failure = why;
                all->count_down();
              });
    }
  }

  void record(crdt::key key, const novelty& news, std::optional<session_id> from) {
    const auto before = core_.log().last();
    core_.record(std::move(key), *news.part, news.now, from);
    recorded_.insert(recorded_.end(), core_.log().last() - before, clock().now());
    forget_times();
    prompt_soon();
  }

  /// Shards end only when the node stops, after this actor, or by an error that ends the process.
  void lost_shard(const caf::error& why) {
    end_process(name(), "a shard does not answer: " + to_string(why));
  }

  /// Counters only grow, so what came since the last time is added.
  void count_repairs() {
    const auto& now = core_.repairs();
    const auto add = [](auto* counter, std::uint64_t before, std::uint64_t after) {
      counter->inc(static_cast<std::int64_t>(after - before));
    };
    add(metrics_.repairs_started, counted_.walks + counted_.findings, now.walks + now.findings);
    add(metrics_.repairs_found, counted_.findings, now.findings);
    counted_ = now;
  }

  gossip_report report() {
    forget_times();
    gossip_report result{context_.session,    core_.log().size(),  core_.log().bytes(),
                         core_.tree().root(), core_.tree().size(), core_.status()};
    for (const auto& peer : result.peers)
      if (!recorded_.empty() && peer.pending > 0) // the oldest entry that it lacks
        result.lags[peer.peer] = std::chrono::ceil<std::chrono::milliseconds>(
            clock().now() - *(recorded_.end() - static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(
                                                    peer.pending, recorded_.size()))));
    for (const auto& peer : result.peers)
      for (const auto& key : core_.refused_by(peer.peer))
        if (auto& some = result.refused[peer.peer]; some.size() < refused_shown)
          some.push_back(key);
    return result;
  }

  /// Of entries that are no longer in the log.
  void forget_times() {
    while (recorded_.size() > core_.log().size())
      recorded_.pop_front();
  }

  struct retry {
    std::chrono::milliseconds wait{0};
    caf::disposable timer;
  };

  gossip_context context_;
  replication::gossip core_;
  std::mt19937_64 random_;
  shard_map shards_{{}};
  std::map<membership::node_id, session_id> sessions_;     // of the members that are there
  std::map<session_id, std::string> addresses_;            // where those are
  std::set<session_id> silent_;                            // those of them that failed last
  std::map<session_id, retry> retries_;                    // of those that will be tried again
  std::map<membership::node_id, gossip_peer> early_peers_; // that came while it is restoring
  std::vector<caf::typed_response_promise<void>> flushing_;
  gossip_metrics metrics_;
  replication::repair_counts counted_; // in the metrics already
  bool is_restoring_;
  std::optional<crdt::replica_id> own_id_; // that events are numbered under, on a disk
  std::uint64_t kept_ = 0;                 // the version of the tallies that the disk has
  std::deque<caf::actor_clock::time_point> recorded_; // when each entry of the log came
  caf::disposable timer_;
  caf::disposable tick_timer_;
  caf::disposable prompt_timer_;
  caf::disposable flush_timer_;
  bool is_prompted_ = false;
};

} // namespace

gossip_actor spawn_gossip(caf::actor_system& sys, const gossip_context& context) {
  return sys.spawn<gossip_impl>(context);
}

} // namespace starling::actors
