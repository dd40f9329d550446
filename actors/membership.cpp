#include "actors/membership.hpp"

#include "actors/end_on_error.hpp"
#include "actors/membership_log.hpp"
#include "actors/swim_metrics.hpp"
#include "system/log.hpp"

#include <caf/actor_cast.hpp>
#include <caf/disposable.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

namespace starling::actors {

namespace {

using membership::duration;
using membership::event_kind;
using membership::member;

/// How often it is seen whether the clock was set, at most.
constexpr duration clock_interval = std::chrono::seconds{1};

/// Addresses whose silence is remembered, so that it is not told again.
constexpr std::size_t silent_max = 4096;

class membership_impl : public membership_actor::base {
public:
  membership_impl(caf::actor_config& cfg, const membership_context& context)
      : membership_actor::base(cfg), context_(context), start_(now()),
        core_(context.settings, context.self, context.secret, context.seeds, context.random_seed,
              start_),
        metrics_(home_system()) {
    end_process_on_error(this);
  }

  const char* name() const override { return "membership"; }

  void on_exit() override {
    timer_.dispose();
    resolve_timer_.dispose();
    search_timer_.dispose();
    remember_timer_.dispose();
    note_timer_.dispose();
    if (is_noting_ || is_remembering_) // what has changed since was to be remembered later
      remember();
    context_ = {.settings = {}, .secret = context_.secret};
    watcher_ = nullptr;
  }

  behavior_type make_behavior() override {
    return {
        [this](start_atom) { find_own_address(); },
        [this](watch_atom, gossip_actor& watcher) { watch(std::move(watcher)); },
        [this](const datagrams& batch) { receive(batch); },
        [this](message_atom, membership::call_kind kind, const std::string& content) {
          return answer(kind, content);
        },
        [this](peer_atom, const std::string& address) {
          core_.call_on(now(), address);
          perform();
        },
        [this](peer_atom, const std::string& address, bool was_reached) {
          core_.reached(now(), address, was_reached);
          perform();
        },
        [this](members_atom, std::uint64_t session, std::uint64_t kept_since) {
          note_holder(session, {kept_since});
        },
        [this](leave_atom) { return leave(); },
        [this](tick_atom) { tick(); },
        [this](report_atom) { return report(); },
    };
  }

private:
  // -- inputs --

  /// The actor's clock, in steps that never go back.
  duration now() { return not_before(clock().now()); }

  duration not_before(std::chrono::steady_clock::time_point when) {
    return latest_ =
               std::max(latest_, std::chrono::duration_cast<duration>(when.time_since_epoch()));
  }

  void find_own_address() {
    request(context_.resolver, caf::infinite, resolve_atom_v, context_.self.address)
        .then(
            [this](const std::vector<membership::udp_address>& all) {
              const auto& where = all.front();
              if (context_.is_for_others && where.is_loopback())
                return found_no_address("it is only an address of this machine, " +
                                        to_string(where));
              if (where_ != where)
                log::info(name(), "this node's datagrams go to {}", to_string(where));
              const bool is_first = !where_;
              where_ = where;
              core_.start(now(), where);
              perform();
              if (is_first)
                look_for_remembered(0, context_.settings.seed_backoff_min);
              find_own_address_in(context_.resolve_interval);
            },
            [this](const caf::error& why) { found_no_address(reason_of(why)); });
  }

  void found_no_address(const std::string& why) {
    log::line(where_ ? log::level::debug : log::level::warn, name(),
              "cannot resolve this node's own address, {}: {}", context_.self.address, why);
    find_own_address_in(where_ ? context_.resolve_interval : context_.resolve_retry);
  }

  /// Milliseconds since 1970, by a clock that is set now and then.
  static std::uint64_t wall_clock() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
    return static_cast<std::uint64_t>(std::max<decltype(ms)>(ms, 0));
  }

  void find_own_address_in(std::chrono::milliseconds wait) {
    resolve_timer_ = run_delayed(wait, [this] { find_own_address(); });
  }

  void watch(gossip_actor watcher) {
    watcher_ = std::move(watcher);
    for (const auto& peer : core_.peers())
      if (peer.record->status.is == membership::member_state::alive ||
          peer.record->status.is == membership::member_state::suspect)
        tell_watcher(*peer.record);
  }

  void receive(const datagrams& batch) {
    for (const auto& one : batch.items) {
      core_.receive(not_before(batch.received), one.from, one.bytes);
      carry_out();
    }
    schedule();
  }

  void tick() {
    wake_.reset();
    for (const auto& one : context_.take()) {
      core_.receive(now(), one.from, one.bytes);
      carry_out();
    }
    if (const auto time = now(); time - clock_read_ >= clock_interval) {
      clock_read_ = time;
      core_.set_wall_clock(time, wall_clock());
      carry_out();
    }
    core_.tick(now());
    perform();
  }

  caf::result<std::string> answer(membership::call_kind kind, const std::string& content) {
    if (!core_.is_started())
      return caf::make_error(errc::unreachable, "this node takes no part yet");
    auto result = core_.answer(now(), kind, content);
    perform();
    if (!result)
      return caf::make_error(errc::bad_message, std::string{result.error().what});
    return *std::move(result);
  }

  caf::result<leave_report> leave() {
    if (!core_.is_started() || has_left_)
      return departure_;
    auto promise = make_response_promise<leave_report>();
    leaving_.push_back(promise);
    if (!core_.is_leaving()) {
      log::info(name(), "leaving the cluster; {} others are alive", core_.live_members() - 1);
      departure_.others = core_.live_members() - 1;
      core_.leave(now());
      perform();
    }
    return promise;
  }

  // -- members of an earlier life --

  /// Calls on some of them, in turns, until anybody is alive for us.
  void look_for_remembered(std::size_t first, duration wait) {
    const auto addresses = membership::addresses_of(context_.remembered);
    if (addresses.empty() || core_.live_members() > 1 || core_.is_leaving())
      return;
    auto next = first;
    for (; next < std::min(first + context_.settings.max_syncs, addresses.size()); ++next)
      if (addresses[next] != context_.self.address)
        core_.call_on(now(), addresses[next]);
    perform();
    const bool is_round_over = next == addresses.size();
    search_timer_ = run_delayed(wait, [=, this] {
      look_for_remembered(is_round_over ? 0 : next,
                          is_round_over ? std::min(2 * wait, context_.settings.seed_backoff_max)
                                        : wait);
    });
  }

  /// Has the members remembered if they are others than before: at once, for a node that loses
  /// something soon must know who may bring it back, and what changes soon after that together.
  void remember_soon() {
    if (!context_.remember || is_remembering_)
      return;
    remember();
    is_remembering_ = true;
    remember_timer_ = run_delayed(context_.remember_interval, [this] {
      is_remembering_ = false;
      remember();
    });
  }

  /// Has it remembered soon, whatever was remembered last: where all know each other it is rare.
  void note_holder(std::uint64_t session, membership::session_id kept_since) {
    for (const auto& peer : core_.peers())
      if (peer.record->profile && peer.record->profile->session.bits == session)
        holders_.insert_or_assign(peer.record->id, kept_since);
    if (!context_.remember || std::exchange(is_noting_, true))
      return;
    note_timer_ = run_delayed(context_.note_delay, [this] {
      is_noting_ = false;
      remember();
    });
  }

  void remember() {
    const auto most = context_.settings.max_members;
    auto members = membership::worth_remembering(core_, context_.remembered, holders_, most);
    if (holders_.size() > 2 * most) // of members that are forgotten
      holders_ = membership::holders_among(members);
    if (members == context_.remembered)
      return;
    context_.remembered = std::move(members);
    context_.remember(context_.remembered);
  }

  // -- outputs --

  void perform() {
    carry_out();
    schedule();
  }

  void carry_out() {
    const auto& out = core_.out();
    if (const std::pair is{core_.self().id, core_.self().status.at.generation}; is != known_as_) {
      known_as_ = is;
      if (context_.renamed)
        context_.renamed(is.first, is.second);
    }
    for (std::size_t i = 0; i < out.packets(); ++i)
      context_.send(out.packet_at(i).to, out.packet_at(i).bytes);
    for (const auto& seed : out.lookups)
      look_up(seed);
    for (const auto& call : out.calls)
      carry_out(call);
    for (const auto& event : out.events)
      tell(event);
  }

  void look_up(const std::string& seed) {
    request(context_.seed_resolver, caf::infinite, resolve_atom_v, seed)
        .then(
            [this, seed](const std::vector<membership::udp_address>& all) {
              std::vector<std::string> addresses;
              std::ranges::transform(all, std::back_inserter(addresses),
                                     [](const auto& one) { return to_string(one); });
              core_.found(now(), seed, std::move(addresses));
              perform();
            },
            [this, seed](const caf::error& why) {
              core_.not_found(now(), seed, reason_of(why));
              perform();
            });
  }

  void carry_out(const membership::call& c) {
    request(context_.peers, caf::infinite, post_atom_v, c.address, path_of(c.kind), c.content)
        .then(
            [this, token = c.token, address = c.address](const std::string& content) {
              silent_.erase(address);
              if (const auto bad = core_.call_answered(now(), token, content))
                log::warn(name(), "{} answered with something else than asked for: {}", address,
                          bad->what);
              perform();
            },
            [this, token = c.token, address = c.address, kind = c.kind](const caf::error& why) {
              if (kind == membership::call_kind::sync)
                tell_of_silence(address, why);
              core_.call_failed(now(), token, {reason_of(why), why == errc::foreign_peer});
              perform();
            });
  }

  /// Once for each reason, until it answers: seeds are asked for ever.
  void tell_of_silence(const std::string& address, const caf::error& why) {
    auto reason = reason_of(why);
    const auto known = silent_.find(address);
    if (known != silent_.end() && known->second == reason)
      return;
    log::line(why == errc::foreign_peer ? log::level::warn : log::level::info, name(),
              "no answer from {}: {}", address, reason);
    if (silent_.size() >= silent_max)
      silent_.clear();
    silent_[address] = std::move(reason);
  }

  /// Sees to it that a tick comes when it is due. One that comes early is harmless.
  void schedule() {
    const auto due = core_.next_tick();
    if (!due || (wake_ && *wake_ <= *due))
      return;
    timer_.dispose();
    wake_ = due;
    // By a message, so that datagrams that are in the mailbox already come first.
    timer_ = run_delayed(std::max(*due - now(), duration{0}), [this] {
      anon_send(caf::actor_cast<membership_actor>(this), tick_atom_v);
    });
  }

  void tell(const membership::event& e) {
    log_event(e, core_);
    remember_soon();
    switch (e.kind) {
    case event_kind::joined:
    case event_kind::updated:
    case event_kind::recovered:
      own_verdicts_.erase(e.who.id);
      return tell_watcher(e.who);
    case event_kind::failed:
      note_verdict(e);
      return lose(e.who.id);
    case event_kind::left:
      return lose(e.who.id);
    case event_kind::id_conflict:
    case event_kind::life_forgotten:
      if (context_.doubted)
        context_.doubted();
      return;
    case event_kind::left_cluster:
      return finish_leaving(e);
    default:
      return; // a matter for the log
    }
  }

  void tell_watcher(const member& m) {
    if (watcher_ && m.profile)
      anon_send(watcher_, peer_atom_v,
                gossip_peer{m.id,
                            {m.profile->session.bits},
                            m.profile->address,
                            {core_.version_for(m.profile->abilities.speaks),
                             types_read_by(m.profile->abilities)}});
  }

  static replication::type_set types_read_by(const membership::abilities& can) {
    replication::type_set result;
    for (const auto& [type, format] : can.values)
      result.insert(static_cast<crdt::type>(type));
    return result;
  }

  void lose(const membership::node_id& id) {
    if (watcher_)
      anon_send(watcher_, lost_atom_v, id);
  }

  /// Remembers who was found dead by this node, for reports; no longer than the table does.
  void note_verdict(const membership::event& e) {
    std::erase_if(own_verdicts_,
                  [this](const auto& id) { return core_.table().find(id) == nullptr; });
    if (e.own_verdict)
      own_verdicts_.insert(e.who.id);
    else
      own_verdicts_.erase(e.who.id);
  }

  void finish_leaving(const membership::event& e) {
    has_left_ = true;
    departure_.acknowledged = e.acknowledged;
    for (auto& promise : std::exchange(leaving_, {}))
      promise.deliver(departure_);
  }

  // -- reports --

  membership_report report() {
    metrics_.show(core_);
    membership_report result{.self = core_.self(),
                             .health = core_.health(),
                             .isolated = core_.is_isolated(),
                             .alone = core_.is_alone() ? what_came_of_the_seeds(core_) : "",
                             .leaving = core_.is_leaving(),
                             .unreached = core_.is_unreached(),
                             .rival = core_.address_rival(),
                             .peers = {},
                             .refused_by = list_of(core_.refused_by()),
                             .refuses = list_of(core_.refusing()),
                             .unreached_seeds = core_.unreached_seeds(),
                             .joined = core_.has_joined(),
                             .all_can = core_.shared_abilities()};
    if (!result.self.profile) // it takes no part yet, and nobody else sees this
      result.self.profile = membership::profile{.written = result.self.status.at,
                                                .session = context_.self.session,
                                                .udp = {},
                                                .address = context_.self.address,
                                                .name = context_.self.name,
                                                .http_address = context_.self.http_address,
                                                .abilities = context_.self.abilities};
    for (const auto& peer : core_.peers())
      result.peers.push_back({.record = *peer.record,
                              .since = wall_time_at(peer.since),
                              .round_trip = peer.round_trip,
                              .health = peer.health,
                              .replaced = peer.replaced,
                              .own_verdict = own_verdicts_.contains(peer.record->id),
                              .udp = peer.udp,
                              .tcp = peer.tcp,
                              .tcp_in = peer.tcp_in,
                              .unreached = peer.unreached});
    return result;
  }

  std::vector<refusal_report> list_of(const membership::refusals& all) const {
    std::vector<refusal_report> result;
    for (const auto& [address, e] : all.entries())
      result.push_back({.address = address,
                        .name = e.what.name,
                        .reason = std::string{to_string(e.what.reason)},
                        .why = describe(e.what),
                        .since = wall_time_at(e.since)});
    return result;
  }

  wall_time wall_time_at(duration when) const {
    return wall_time{std::chrono::milliseconds{context_.self.wall_clock}} +
           std::chrono::floor<std::chrono::milliseconds>(when - start_);
  }

  membership_context context_;
  gossip_actor watcher_;
  duration latest_{0};
  duration start_;
  membership::swim core_;
  swim_metrics metrics_;
  std::pair<membership::node_id, std::uint64_t> known_as_{context_.self.id,
                                                          context_.self.generation};
  std::optional<membership::udp_address> where_; // this node
  duration clock_read_{0};
  std::optional<duration> wake_; // when the timer ends
  caf::disposable timer_;
  caf::disposable resolve_timer_;
  caf::disposable search_timer_;
  caf::disposable remember_timer_;
  bool is_remembering_ = false;
  caf::disposable note_timer_;
  bool is_noting_ = false;
  membership::holders holders_ = membership::holders_among(context_.remembered);
  std::map<std::string, std::string> silent_; // who did not answer last, and why
  std::set<membership::node_id> own_verdicts_;
  std::vector<caf::typed_response_promise<leave_report>> leaving_;
  leave_report departure_;
  bool has_left_ = false;
};

} // namespace

membership_actor spawn_membership(caf::actor_system& sys, const membership_context& context) {
  return sys.spawn<membership_impl>(context);
}

std::string path_of(membership::call_kind kind) {
  return "/cluster/" + std::string{to_string(kind)};
}

} // namespace starling::actors
