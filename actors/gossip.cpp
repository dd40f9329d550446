#include "actors/gossip.hpp"

#include "actors/end_on_error.hpp"
#include "actors/shard.hpp"
#include "keyspace/anti_entropy.hpp"
#include "replication/confirmation.hpp"
#include "system/log.hpp"

#include <caf/disposable.hpp>
#include <caf/send.hpp>
#include <caf/telemetry/counter.hpp>
#include <caf/telemetry/metric_registry.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace starling::actors {

namespace {

using replication::session_id;

constexpr std::chrono::milliseconds flush_patience{20};

// Of the values that a peer does not take, a report names so many.
constexpr std::size_t refused_shown = 10;

// Of so many addresses at most it is noted that their last call got no answer. Members come and go,
// so without a bound this would only grow.
constexpr std::size_t unreached_max = 10'000;

// A message that takes longer is answered slowly: the next one is smaller.
constexpr std::chrono::seconds slow_after{2};

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
  caf::telemetry::int_counter* items_skipped = counter(
      "gossip.items-skipped", "Keys received of types or formats that this version does not know.");
  caf::telemetry::int_counter* repairs_started =
      counter("gossip.repairs-started", "Comparisons of all keys with those of a peer.");
  caf::telemetry::int_counter* repairs_found = counter(
      "gossip.repairs-found",
      "Comparisons of all keys with those of a peer, for a difference that no delta explains.");
  caf::telemetry::int_counter* keys_mended =
      counter("gossip.keys-mended", "Keys for which a comparison brought something new.");
};

using keyspace::gossip_effects;
using keyspace::ticket;

/// Carries messages to the core of the gossip, and out what that wants done.
class gossip_impl : public gossip_actor::base {
public:
  gossip_impl(caf::actor_config& cfg, const gossip_context& context)
      : gossip_actor::base(cfg), context_(context), core_(settings_of(context)),
        metrics_(home_system().metrics()) {
    end_process_on_error(this);
    core_.remember(context_.others);
  }

  const char* name() const override { return "gossip"; }

  void on_exit() override {
    for (auto* timer : {&timer_, &tick_timer_, &prompt_timer_, &flush_timer_})
      timer->dispose();
    for (auto& [peer, timer] : retries_)
      timer.dispose();
    promises_.clear();
    flushes_.clear();
    reports_.clear();
    shards_ = shard_map{{}};
    context_.reader = nullptr;
    context_.disk = nullptr;
    context_.storage = nullptr;
    context_.peers = nullptr;
    context_.membership = nullptr;
  }

  behavior_type make_behavior() override {
    if (core_.is_restoring())
      restore(std::nullopt);
    schedule_round();
    schedule_tick();
    return {
        [this](shards_atom, std::vector<shard_actor>& shards) {
          shards_ = shard_map{std::move(shards)};
        },
        [this](delta_atom, crdt::key& key, const novelty& delta) {
          report_to([&](auto& todo) { core_.record(std::move(key), delta, todo); });
        },
        [this](message_atom, const std::string& bytes) { return receive(bytes); },
        [this](renew_atom, const crdt::replica_id& id, const storage::renewal& reason) {
          core_.number_under(id);
          if (storage::shows_loss(reason.what))
            core_.doubt_what_is_kept();
        },
        [this](confirm_atom) { core_.confirmed(); },
        [this](doubt_atom) { core_.found_no_witness(); },
        [this](question_atom, const std::string& bytes) { return state(bytes); },
        [this](peer_atom, const gossip_peer& peer) {
          report_to([&](auto& todo) {
            core_.set_peer(to_string(peer.id), peer.session, peer.address, peer.how, todo);
          });
        },
        [this](lost_atom, const membership::node_id& id) {
          report_to([&](auto& todo) { core_.lose_peer(to_string(id), todo); });
        },
        [this](tick_atom) { report_to([this](auto& todo) { core_.round_due(todo); }); },
        [this](flush_atom) { return flush(false); },
        [this](leave_atom) { return flush(true); },
        [this](report_atom) {
          auto promise = make_response_promise<gossip_report>();
          reports_.emplace(++last_ticket_, promise);
          report_to([this](auto& todo) { core_.catch_up(last_ticket_, todo); });
          return promise;
        },
        [this](news_atom, crdt::key& key) {
          report_to([&](auto& todo) { core_.has_news(std::move(key), todo); });
        },
        [this](news_atom) { report_to([this](auto& todo) { core_.gathered(todo); }); },
        [this](join_atom, std::uint64_t number, const keyspace::join_outcome& what) {
          if (what.why && what.why->why == keyspace::reason::unavailable)
            return lost_shard(what.why->what);
          report_to([&](auto& todo) { core_.joined(number, what, todo); });
        },
    };
  }

private:
  static keyspace::anti_entropy_settings settings_of(const gossip_context& c) {
    return {.self = c.session,
            .limits = c.limits,
            .digests = c.digests,
            .prompts = c.prompt_delay.count() != 0,
            .interval = c.interval,
            .is_restoring = c.reader != nullptr,
            .own = c.own,
            .former = c.former,
            .is_certain = c.is_certain,
            .rescuers = c.rescuers,
            .kept_since = c.kept_since,
            .witnesses = c.witnesses,
            .random_seed = c.random_seed};
  }

  // -- what was there before --

  /// Takes in the digests of the keys after one, and so on to the last.
  void restore(const std::optional<crdt::key>& after) {
    request(context_.reader, caf::infinite, digests_atom_v, after)
        .then(
            [this](const storage::digests_page& page) {
              core_.restore(page);
              if (!page.keys.empty())
                return restore(page.keys.back().first);
              say_what_is_unknown();
              report_to([this](auto& todo) { core_.restored(todo); });
            },
            [this](const caf::error& why) { // what is not known is sent by peers
              log::error("gossip", "cannot read which keys there are: {}", reason_of(why));
              core_.cannot_restore_all();
              report_to([this](auto& todo) { core_.restored(todo); });
            });
  }

  void say_what_is_unknown() const {
    if (const auto number = core_.unknown_keys(); number > 0)
      log::warn(
          "gossip",
          "{} keys on the disk are of a type or a format that this version does not know: they "
          "are kept, and not served; a later version wrote them",
          number);
  }

  caf::result<std::string> state(const std::string& question) {
    const auto decoded = replication::decode_question(question);
    if (!decoded)
      return caf::make_error(errc::bad_message, std::string{decoded.error().what});
    return replication::encode(core_.state(*decoded));
  }

  // -- time --

  void schedule_round() {
    timer_ = run_delayed(context_.interval, [this] {
      report_to([this](auto& todo) { core_.round_due(todo); });
      schedule_round();
    });
  }

  void schedule_tick() {
    tick_timer_ = run_delayed(std::chrono::seconds{1}, [this] {
      report_to([this](auto& todo) { core_.tick(todo); });
      schedule_tick();
    });
  }

  void carry_out(const keyspace::prompt_later&) {
    prompt_timer_ = run_delayed(context_.prompt_delay, [this] {
      report_to([this](auto& todo) { core_.prompt_due(todo); });
    });
  }

  void carry_out(const keyspace::retry_later& e) {
    auto& timer = retries_[e.peer];
    timer.dispose();
    timer = run_delayed(e.wait, [this, peer = e.peer] {
      retries_.erase(peer);
      report_to([&](auto& todo) { core_.retry_due(peer, todo); });
    });
  }

  caf::result<void> flush(bool hears_all) {
    auto promise = make_response_promise<void>();
    flushes_.emplace(++last_ticket_, promise);
    report_to([&](auto& todo) { core_.flush(last_ticket_, todo, hears_all); });
    return promise;
  }

  void carry_out(const keyspace::flush_later&) {
    flush_timer_.dispose();
    flush_timer_ = run_delayed(
        flush_patience, [this] { report_to([this](auto& todo) { core_.flush_due(todo); }); });
  }

  void carry_out(const keyspace::flushed& e) { flushes_.extract(e.to).mapped().deliver(); }

  void carry_out(const keyspace::is_up_to_date& e) {
    reports_.extract(e.to).mapped().deliver(report());
  }

  // -- the core --

  /// Reports something to the core, and carries out what it wants done.
  template <class Report>
  void report_to(Report report) {
    const auto before = core_.core().log().last();
    gossip_effects todo;
    report(todo);
    if (const auto more = core_.core().log().last() - before; more > 0)
      recorded_.insert(recorded_.end(), more, clock().now());
    forget_times();
    count_what_happened();
    for (auto& effect : todo)
      std::visit([this](auto& e) { carry_out(e); }, effect);
  }

  // -- peers --

  void carry_out(keyspace::post& e) {
    metrics_.messages_sent->inc();
    metrics_.items_sent->inc(static_cast<std::int64_t>(e.items));
    metrics_.elements_sent->inc(static_cast<std::int64_t>(e.elements));
    const auto peer = e.peer;
    request(context_.peers, caf::infinite, post_atom_v, e.address, std::string{gossip_path},
            std::move(e.bytes))
        .then(
            [this, peer, address = e.address, begin = clock().now()](const std::string& bytes) {
              say_reached(address);
              const bool was_slow = clock().now() - begin > slow_after;
              report_to([&](auto& todo) { core_.answered(peer, bytes, was_slow, todo); });
            },
            [this, peer, address = e.address](const caf::error& why) {
              if (why == errc::unreachable)
                say_unreached(address);
              report_to([&](auto& todo) { core_.failed(peer, reason_of(why), todo); });
            });
  }

  void carry_out(const keyspace::went_silent& e) {
    log::warn("gossip", "{} takes no messages: {}", e.address, e.why);
  }

  void carry_out(const keyspace::answers_again& e) {
    log::info("gossip", "{} answers again", e.address);
  }

  /// Whoever is at an address may be another process than the one that did not answer there.
  void say_unreached(const std::string& address) {
    anon_send(context_.membership, peer_atom_v, address, false);
    if (unreached_.size() < unreached_max)
      unreached_.insert(address);
  }

  void say_reached(const std::string& address) {
    if (unreached_.erase(address) > 0)
      anon_send(context_.membership, peer_atom_v, address, true);
  }

  void carry_out(const keyspace::stranger& e) {
    anon_send(context_.membership, peer_atom_v, e.address);
  }

  void carry_out(const keyspace::peer_refuses& e) {
    log::warn("gossip",
              "{} does not take {} {}, which is larger than its gossip.max-value: it lacks that",
              e.address, to_string(e.key.type), e.key.name);
  }

  // -- messages --

  caf::result<std::string> receive(const std::string& bytes) {
    metrics_.messages_received->inc();
    auto promise = make_response_promise<std::string>();
    promises_.emplace(++last_ticket_, promise);
    report_to([&](auto& todo) { core_.receive(last_ticket_, bytes, todo); });
    return promise;
  }

  void carry_out(keyspace::reply& e) {
    metrics_.items_sent->inc(static_cast<std::int64_t>(e.items));
    metrics_.elements_sent->inc(static_cast<std::int64_t>(e.elements));
    auto promise = promises_.extract(e.to).mapped();
    if (const auto* why = std::get_if<keyspace::failure>(&e.what))
      promise.deliver(to_error(*why));
    else
      promise.deliver(std::move(std::get<std::string>(e.what)));
  }

  void carry_out(keyspace::keep& e) {
    if (context_.storage)
      anon_send(context_.storage, note_atom_v, std::move(e.changes));
  }

  void carry_out(const keyspace::count_moment&) {
    if (context_.storage)
      request(context_.storage, caf::infinite, apply_atom_v, storage::batch{})
          .then([this](std::uint64_t changes) { core_.counted(changes); },
                [](const caf::error&) {}); // nothing more is written
  }

  void carry_out(const keyspace::commit_what_is_kept&) {
    if (context_.storage)
      request(context_.storage, caf::infinite, commit_atom_v, storage::batch{})
          .then([] {}, [](const caf::error&) {});
  }

  void carry_out(const keyspace::was_set_back& e) {
    if (context_.storage)
      anon_send(context_.storage, renew_atom_v, e.lost,
                storage::renewal{storage::renewal::cause::set_back,
                                 "another node knows of changes that this one does not have"});
  }

  void carry_out(const keyspace::held_all& e) {
    anon_send(context_.membership, members_atom_v, e.peer.value, e.kept_since.value);
  }

  /// What the disk lost is back, as far as it can be.
  void carry_out(const keyspace::caught_up& e) {
    if (!context_.disk)
      return;
    log::info("gossip", "what the disk had lost is back, as far as {} has it", joined(e.from));
    if (!e.unheard.empty())
      log::warn("gossip",
                "{} may have had more of what the disk had lost, and did not come back in time",
                joined(e.unheard));
    anon_send(context_.disk, mended_atom_v);
    for (const auto& shard : shards_.all())
      anon_send(shard, mended_atom_v);
    context_.disk = nullptr;
  }

  static std::string joined(const std::vector<std::string>& names) {
    std::string result;
    for (const auto& name : names)
      result += (result.empty() ? "" : ", ") + name;
    return result;
  }

  // -- keys --

  void carry_out(keyspace::join_parts& e) {
    std::vector<join_order> orders;
    orders.reserve(e.items.size());
    for (auto& [key, part] : e.items) {
      const auto elements = part.elements();
      metrics_.items_received->inc();
      metrics_.elements_received->inc(static_cast<std::int64_t>(elements));
      orders.push_back({std::move(key), std::move(part), e.from, elements});
    }
    shards_.send(join_atom_v,
                 std::make_shared<join_batch>(
                     std::move(orders), [metrics = metrics_, number = e.number, mends = e.mends,
                                         to = gossip_actor{this}](join_batch& all) {
                       say_joined(to, number, all, mends, metrics);
                     }));
  }

  /// Is called by the key that was the last.
  static void say_joined(const gossip_actor& to, ticket number, join_batch& orders, bool mends,
                         const gossip_metrics& metrics) {
    keyspace::join_outcome all;
    for (std::size_t i = 0; i < orders.size(); ++i) {
      const auto& came = orders.outcomes()[i];
      if (const auto* news = std::get_if<std::size_t>(&came))
        count_novelty(*news, orders.order(i).elements, mends, metrics);
      else if (const auto* why = std::get_if<caf::error>(&came))
        all.add(to_failure(*why));
      else
        all.add({keyspace::reason::unavailable, "a key that is gone"});
    }
    caf::anon_send(to, join_atom_v, number, std::move(all));
  }

  static void count_novelty(std::size_t news, std::size_t elements, bool mends,
                            const gossip_metrics& metrics) {
    metrics.elements_redundant->inc(static_cast<std::int64_t>(elements - std::min(news, elements)));
    if (news == 0)
      metrics.items_redundant->inc();
    else if (mends)
      metrics.keys_mended->inc();
  }

  void carry_out(keyspace::gather_news& e) {
    std::vector<news_order> orders;
    orders.reserve(e.keys.size());
    for (auto& key : e.keys)
      orders.push_back({std::move(key)});
    shards_.send(news_atom_v, std::make_shared<news_batch>(
                                  std::move(orders), [to = gossip_actor{this}](const news_batch&) {
                                    caf::anon_send(to, news_atom_v);
                                  }));
  }

  void carry_out(keyspace::read_state& e) {
    const auto& shard = shards_.route(e.key);
    request(shard, caf::infinite, state_atom_v, std::move(e.key))
        .then(
            [this, number = e.number](std::string& bytes) {
              report_to([&](auto& todo) { core_.state_read(number, std::move(bytes), todo); });
            },
            [this, number = e.number](const caf::error& why) {
              if (!is_of_disk(why))
                return lost_shard(to_string(why));
              report_to([&](auto& todo) { core_.state_read(number, {}, todo); });
            });
  }

  /// Shards end only when the node stops, after this actor, or by an error that ends the process.
  void lost_shard(const std::string& why) {
    end_process(name(), "a shard does not answer: " + why);
  }

  // -- for display --

  /// Counters only grow, so what came since the last time is added.
  void count_what_happened() {
    const auto& now = core_.core().repairs();
    const auto add = [](auto* counter, std::uint64_t before, std::uint64_t after) {
      if (after > before)
        counter->inc(static_cast<std::int64_t>(after - before));
    };
    const auto failures = core_.failures();
    add(metrics_.messages_failed, std::exchange(counted_failures_, failures), failures);
    add(metrics_.repairs_started, counted_.walks + counted_.findings, now.walks + now.findings);
    add(metrics_.repairs_found, counted_.findings, now.findings);
    counted_ = now;
    const auto not_taken = core_.core().not_taken();
    if (not_taken > 0 && not_taken >= 2 * told_not_taken_) { // a value may be sent again and again
      told_not_taken_ = not_taken;
      log::warn("gossip", "a peer sends a value that is larger than gossip.max-value: this node "
                          "does not take it, and lacks it");
    }
    const auto skipped = core_.skipped();
    if (skipped > 0 && counted_skipped_ == 0)
      log::warn("gossip", "peers send keys of types or formats that this version does not know: "
                          "they are skipped; update this node to have them");
    add(metrics_.items_skipped, std::exchange(counted_skipped_, skipped), skipped);
  }

  gossip_report report() {
    forget_times();
    gossip_report result{context_.session,           core_.core().log().size(),
                         core_.core().log().bytes(), core_.core().tree().root(),
                         core_.core().tree().size(), core_.unknown_keys(),
                         core_.core().status()};
    for (const auto& peer : result.peers)
      if (!recorded_.empty() && peer.pending > 0) // the oldest entry that it lacks
        result.lags[peer.peer] = std::chrono::ceil<std::chrono::milliseconds>(
            clock().now() - *(recorded_.end() - static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(
                                                    peer.pending, recorded_.size()))));
    for (const auto& peer : result.peers)
      for (const auto& key : core_.core().refused_by(peer.peer))
        if (auto& some = result.refused[peer.peer]; some.size() < refused_shown)
          some.push_back(key);
    return result;
  }

  /// Of entries that are no longer in the log.
  void forget_times() {
    while (recorded_.size() > core_.core().log().size())
      recorded_.pop_front();
  }

  gossip_context context_;
  keyspace::anti_entropy core_;
  shard_map shards_{{}};
  std::map<ticket, caf::typed_response_promise<std::string>> promises_; // of answers to messages
  std::map<ticket, caf::typed_response_promise<void>> flushes_;
  std::map<ticket, caf::typed_response_promise<gossip_report>> reports_;
  ticket last_ticket_ = 0;
  gossip_metrics metrics_;
  std::uint64_t counted_failures_ = 0; // of messages, in the metrics already
  std::uint64_t told_not_taken_ = 0;
  std::uint64_t counted_skipped_ = 0;                 // items, in the metrics already
  replication::repair_counts counted_;                // in the metrics already
  std::deque<caf::actor_clock::time_point> recorded_; // when each entry of the log came
  caf::disposable timer_;
  caf::disposable tick_timer_;
  caf::disposable prompt_timer_;
  caf::disposable flush_timer_;
  std::map<session_id, caf::disposable> retries_;
  std::set<std::string> unreached_; // addresses whose last call got no answer, as membership knows
};

} // namespace

gossip_actor spawn_gossip(caf::actor_system& sys, const gossip_context& context) {
  return sys.spawn<gossip_impl>(context);
}

} // namespace starling::actors
