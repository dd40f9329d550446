#include "http/front_end.hpp"

#include "actors/last_words.hpp"
#include "config/config.hpp"
#include "http/api/reply.hpp"
#include "http/api/types.hpp"
#include "http/door_report.hpp"
#include "http/metrics.hpp"
#include "http/waiting_line.hpp"
#include "http/warnings.hpp"

#include <caf/init_global_meta_objects.hpp>
#include <caf/policy/select_all.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <future>

namespace starling::http {

namespace {

using actors::errc;

// How long a stop waits for what clients have asked.
constexpr std::chrono::milliseconds stop_patience{1000};

class front_end_impl : public front_end_actor::base {
public:
  front_end_impl(caf::actor_config& cfg, const front_end_context& context)
      : front_end_actor::base(cfg), context_(context), waiting_(context.waiting_bytes_max) {
    actors::end_process_on_error(this);
  }

  const char* name() const override { return "front-end"; }

  void on_exit() override {
    context_.shards = actors::shard_map{{}};
    context_.gossip = nullptr;
    context_.membership = nullptr;
    context_.reader = nullptr;
    context_.storage = nullptr;
  }

  behavior_type make_behavior() override {
    return {
        [this](const crdt::key& key, const crdt::query& q, reply_to<answer>& reply) {
          show(key, bytes_around, actors::read_atom_v, q, reply);
        },
        [this](const crdt::key& key, crdt::command& c, reply_to<answer>& reply) {
          const auto bytes = bytes_around + crdt::footprint_of(c);
          show(key, bytes, actors::apply_atom_v, std::move(c), reply);
        },
        [this](const crdt::key_query& q, reply_to<answer>& reply) { list(q, reply); },
        [this](report_atom, reply_to<answer>& reply) { report(reply); },
    };
  }

private:
  // What a request takes beside what it asks for, at least.
  static constexpr std::size_t bytes_around = 4096;

  /// Asks the shard of a key, if there is room in the line.
  template <class Atom, class What>
  void show(const crdt::key& key, std::size_t bytes, Atom atom, What what,
            const reply_to<answer>& reply) {
    if (!waiting_.enter(key, bytes)) {
      auto answering = reply;
      return answering(caf::make_error(errc::key_busy));
    }
    request(context_.shards.of(key), caf::infinite, atom, key, std::move(what))
        .then(
            [this, key, bytes, reply = reply](crdt::view& seen) mutable {
              waiting_.leave(key, bytes);
              reply(std::move(seen));
            },
            [this, key, bytes, reply = reply](caf::error& why) mutable {
              waiting_.leave(key, bytes);
              reply(std::move(why));
            });
  }

  static auto or_fail(const reply_to<answer>& reply) {
    return [reply = reply](caf::error& why) mutable { reply(std::move(why)); };
  }

  /// Any of the keys may be in any of the shards, and one more tells whether there are more.
  void list(crdt::key_query q, const reply_to<answer>& reply) {
    const auto limit = q.limit++;
    if (context_.reader) {
      request(context_.reader, caf::infinite, actors::keys_atom_v, std::move(q))
          .then(
              [reply = reply, limit](std::vector<crdt::key>& found) mutable {
                reply(crdt::merged({std::move(found)}, limit));
              },
              or_fail(reply));
      return;
    }
    fan_out_request<caf::policy::select_all>(context_.shards.all(), caf::infinite,
                                             actors::keys_atom_v, q) // not moved: to all of them
        .then(
            [reply = reply, limit](std::vector<std::vector<crdt::key>> found) mutable {
              reply(crdt::merged(found, limit));
            },
            or_fail(reply));
  }

  /// Every actor of the node is asked once, so an answer also says that all of them are at work.
  void report(const reply_to<answer>& reply) {
    struct gathered {
      std::size_t left;
      node_report report;
      reply_to<answer> reply;
    };
    const auto& shards = context_.shards.all();
    auto all =
        std::make_shared<gathered>(gathered{shards.size() + (context_.storage ? 3 : 2), {}, reply});
    const auto count_down = [all] {
      if (--all->left == 0)
        all->reply(std::move(all->report));
    };
    const auto fail = [all](caf::error& why) { all->reply(std::move(why)); };
    request(context_.membership, caf::infinite, actors::report_atom_v)
        .then(
            [all, count_down](actors::membership_report& r) {
              all->report.membership = std::move(r);
              count_down();
            },
            fail);
    request(context_.gossip, caf::infinite, actors::report_atom_v)
        .then(
            [all, count_down](actors::gossip_report& r) {
              all->report.gossip = std::move(r);
              count_down();
            },
            fail);
    if (context_.storage)
      request(context_.storage, caf::infinite, actors::report_atom_v)
          .then(
              [all, count_down](actors::storage_report& r) {
                all->report.storage = std::move(r);
                count_down();
              },
              fail);
    for (const auto& shard : shards)
      request(shard, caf::infinite, actors::report_atom_v)
          .then([count_down](std::uint64_t) { count_down(); }, fail);
  }

  front_end_context context_;
  waiting_line waiting_;
};

problem problem_of(const caf::error& why) {
  if (why == errc::counter_range)
    return http::problem_of(crdt::refusal::counter_range);
  if (why == errc::exhausted)
    return http::problem_of(crdt::refusal::exhausted);
  if (why == errc::value_too_large)
    return {problem_code::value_too_large, "the value has reached the size that a node can send"};
  if (why == errc::disk_full)
    return {problem_code::disk_full,
            "nothing was written, for the disk has no room left; /readyz says more",
            {}};
  if (why == errc::key_busy)
    return {problem_code::key_busy,
            "as much waits for this key as keys.max-waiting-bytes allows; nothing was done",
            {}};
  if (why == errc::being_mended)
    return {problem_code::being_mended,
            "what was damaged on this node's disk is brought back from another node",
            {}};
  if (why == errc::disk_failed)
    return {problem_code::disk_failed,
            "nothing was written, for the disk takes no writes; /readyz says more",
            {}};
  if (why == errc::unreadable)
    return {problem_code::disk_failed,
            "what this needs cannot be read from the disk, and nothing was written; /readyz says "
            "more",
            {}};
  if (why == errc::write_unknown)
    return {problem_code::write_unknown,
            "the disk failed while this was written: it may show later or not; read before you "
            "repeat it",
            {}};
  return {problem_code::internal,
          "something went wrong, and nobody knows whether a write was done"};
}

problem problem_of(const crdt::key& key, const caf::error& why) {
  if (why == errc::no_such_key)
    return {problem_code::unknown_key,
            "no write to this " + std::string{to_string(key.type)} + " has reached this node"};
  return problem_of(why);
}

/// What a node is not ready for is in the title: the code is the same for all of it.
problem not_ready(std::string title, std::string detail) {
  return {problem_code::not_ready, std::move(detail), {}, {}, std::move(title)};
}

problem is_stopping() {
  return not_ready("This node is stopping", "ask another node");
}

/// The name of a member, or its id.
std::string name_of(const membership::node_id& id, const actors::membership_report& report) {
  const auto name = [](const membership::member& m) {
    return m.profile && !m.profile->name.empty() ? m.profile->name : to_string(m.id);
  };
  if (report.self.id == id)
    return name(report.self);
  for (const auto& peer : report.peers)
    if (peer.record.id == id)
      return name(peer.record);
  return to_string(id);
}

/// Why a member is not alive.
std::string reason_of(const actors::member_report& peer, const actors::membership_report& report) {
  std::string accusers;
  switch (peer.record.status.is) {
  case membership::member_state::alive:
    return "";
  case membership::member_state::suspect:
    for (const auto& id : peer.record.status.accusers.ids())
      accusers += (accusers.empty() ? "no answer to " : ", ") + name_of(id, report);
    return accusers.empty() ? "no answer" : accusers;
  case membership::member_state::dead:
    return peer.own_verdict ? "no answer in time to this node"
                            : "no answer in time to another node";
  case membership::member_state::left:
    return "it left";
  }
  return "";
}

cluster_view view_of(const node_report& report, const crdt::replica_id& replica,
                     std::chrono::sys_seconds started) {
  const auto& known = report.membership;
  const auto self = known.self.profile.value_or(membership::profile{});
  cluster_view result;
  result.self = {.name = self.name,
                 .node_id = to_string(known.self.id),
                 .replica_id = to_string(replica),
                 .replica_state = std::string{to_string(report.storage.replica_state)},
                 .http_address = self.http_address,
                 .cluster_address = self.address,
                 .started = started,
                 .state = std::string{to_string(known.self.status.is)},
                 .incarnation = to_string(known.self.status.at),
                 .health = known.health,
                 .isolated = known.isolated,
                 .leaving = known.leaving};
  for (const auto& peer : known.peers) {
    if (peer.replaced || !peer.record.profile)
      continue;
    const auto& profile = *peer.record.profile;
    result.peers.push_back({.node_id = to_string(peer.record.id),
                            .name = profile.name,
                            .http_address = profile.http_address,
                            .cluster_address = profile.address,
                            .state = std::string{to_string(peer.record.status.is)},
                            .incarnation = to_string(peer.record.status.at),
                            .since = std::chrono::floor<std::chrono::seconds>(peer.since),
                            .health = peer.health,
                            .round_trip = peer.round_trip,
                            .reason = reason_of(peer, known),
                            .udp = peer.udp,
                            .tcp = peer.tcp});
  }
  result.unreached_seeds = known.unreached_seeds;
  const auto refusals = [](const std::vector<actors::refusal_report>& all) {
    std::vector<cluster_view::refusal> shown;
    for (const auto& r : all)
      shown.push_back({.address = r.address,
                       .name = r.name,
                       .reason = r.reason,
                       .why = r.why,
                       .since = std::chrono::floor<std::chrono::seconds>(r.since)});
    return shown;
  };
  result.refused_by = refusals(known.refused_by);
  result.refuses = refusals(known.refuses);
  result.warnings = warnings_of(known, report.storage);
  const auto& gossip = report.gossip;
  result.replication = {.root = to_string(gossip.root),
                        .keys = gossip.keys,
                        .log_entries = gossip.log_entries,
                        .log_bytes = gossip.log_bytes,
                        .values_refused = {}};
  for (const auto& peer : gossip.peers)
    result.replication.peers_behind += peer.behind || peer.refused > 0 ? 1 : 0;
  for (const auto& member : known.peers)
    if (const auto& profile = member.record.profile)
      if (const auto found = gossip.refused.find({profile->session.bits});
          found != gossip.refused.end())
        for (const auto& key : found->second)
          result.replication.values_refused.push_back(
              {profile->name, std::string{to_string(key.type)}, key.name});
  return result;
}

// Threads of requests that have to be answered however busy the others are.
constexpr std::size_t health_threads = 1; // never waits
constexpr std::size_t report_threads = 2;

std::size_t lane_of(std::string_view target) {
  const auto path = target.substr(0, target.find('?'));
  if (path == "/healthz")
    return 1;
  return path == "/readyz" || path == "/metrics" ? 2 : 0;
}

/// For metrics: a few fixed words.
std::string_view route_of(const parsed& asked) {
  struct name {
    static std::string_view of(crdt::type t) {
      return apis::visit(t, [](auto which) { return decltype(which)::type::route; });
    }
    std::string_view operator()(const read_request& r) const {
      if (!std::holds_alternative<crdt::one_member>(r.query))
        return of(r.key.type);
      return apis::visit(r.key.type, [](auto which) {
        using api = typename decltype(which)::type;
        if constexpr (api::type::has_rows)
          return api::member_route;
        else
          return api::route;
      });
    }
    std::string_view operator()(const write_request& w) const { return of(w.key.type); }
    std::string_view operator()(const keys_request&) const { return "/keys"; }
    std::string_view operator()(index_request) const { return "/"; }
    std::string_view operator()(cluster_request) const { return "/cluster"; }
    std::string_view operator()(health_request) const { return "/healthz"; }
    std::string_view operator()(ready_request) const { return "/readyz"; }
    std::string_view operator()(metrics_request) const { return "/metrics"; }
    std::string_view operator()(const options_request&) const { return "options"; }
    std::string_view operator()(const problem&) const { return "refused"; }
  };
  return std::visit(name{}, asked);
}

} // namespace

void register_types() {
  actors::register_types();
  [[maybe_unused]] static const bool once = [] {
    caf::init_global_meta_objects<caf::id_block::starling_http>();
    return true;
  }();
}

front_end_actor spawn_front_end(caf::actor_system& sys, const front_end_context& context) {
  return sys.spawn<front_end_impl>(context);
}

front_end::front_end(caf::actor_system& sys, settings with, const front_end_context& context)
    : sys_(sys), settings_(std::move(with)), actor_(spawn_front_end(sys, context)) {
  const auto& o = settings_.options;
  const auto where = *membership::parse_endpoint(o.listen);
  listener_ = std::make_unique<listener>(
      listener::settings{.host = where.host,
                         .port = where.port,
                         .threads = {o.threads, health_threads, report_threads},
                         .lane_of = lane_of,
                         .connections_max = o.max_connections,
                         .body_bytes_max = o.max_body,
                         .silent_timeout = o.idle_timeout,
                         .idle_timeout = o.idle_timeout,
                         .transfer_timeout = o.transfer_timeout,
                         .observer = report_door(sys, "clients")},
      [this](const request& r) { return handle(r); });
}

front_end::~front_end() {
  stop();
}

std::optional<std::string> front_end::start() {
  return listener_->start();
}

void front_end::refuse_writes() {
  leaving_ = true;
  for (auto left = writes_.load(); left > 0; left = writes_.load())
    writes_.wait(left);
}

void front_end::take_writes() {
  leaving_ = false;
}

void front_end::stop() {
  stopping_ = true;
  stop_at_ = std::chrono::steady_clock::now() + stop_patience;
  listener_->stop();
  if (!actor_)
    return;
  caf::scoped_actor self{sys_};
  self->send_exit(actor_, caf::exit_reason::user_shutdown);
  self->wait_for(actor_);
  actor_ = nullptr;
}

response front_end::handle(const request& r) {
  using clock = std::chrono::steady_clock;
  const auto begin = clock::now();
  auto asked = parse(r, settings_.secret, {settings_.options.max_body});
  auto result = handle(asked);
  count_request(sys_, route_of(asked), result.status);
  time_request(sys_, route_of(asked), std::chrono::duration<double>{clock::now() - begin}.count());
  return result;
}

response front_end::handle(parsed& asked) {
  return std::visit([this](auto& a) { return reply(a); }, asked);
}

response front_end::reply(const read_request& asked) {
  return show(asked.key, ask(asked.key, asked.query), reply_to_read, asked.how);
}

response front_end::reply(write_request& asked) {
  ++writes_; // before the question whether it is still welcome
  auto result = leaving_ ? reply_with(not_ready("This node is leaving its cluster",
                                                "it takes no more writes; write to another node"))
                         : carry_out(asked);
  --writes_;
  writes_.notify_all();
  return result;
}

/// Takes the command away.
response front_end::carry_out(write_request& asked) {
  auto outcome = ask(asked.key, std::move(asked.command));
  if (auto* what = std::get_if<problem>(&outcome)) {
    if (what->code == problem_code::timed_out)
      what->detail = "no answer in time; this write may still happen, so nobody knows of it yet";
    if (what->code == problem_code::not_ready) // it was handed on before the actors ended
      *what = {problem_code::write_unknown,
               "the node stopped while this was written; read from another before you repeat it",
               {}};
  }
  return show(asked.key, outcome, reply_to_write, asked.how);
}

response front_end::show(const crdt::key& key, const std::variant<answer, problem>& outcome,
                         writer write, style how) const {
  if (const auto* what = std::get_if<problem>(&outcome))
    return reply_with(*what);
  const auto& a = std::get<answer>(outcome);
  if (const auto* seen = std::get_if<crdt::view>(&a))
    return write(key, *seen, settings_.secret, how);
  return reply_with(problem_of(key, std::get<caf::error>(a)));
}

response front_end::reply(const keys_request& asked) {
  const auto outcome = ask(asked.query);
  if (const auto* what = std::get_if<problem>(&outcome))
    return reply_with(*what);
  const auto& a = std::get<answer>(outcome);
  if (const auto* page = std::get_if<crdt::key_page>(&a))
    return reply_with(*page);
  return reply_with(problem_of(std::get<caf::error>(a)));
}

response front_end::reply(index_request) {
  return reply_with_index(config::version, routes());
}

response front_end::reply(cluster_request) {
  const auto outcome = ask(report_atom_v);
  if (const auto* what = std::get_if<problem>(&outcome))
    return reply_with(*what);
  const auto* report = std::get_if<node_report>(&std::get<answer>(outcome));
  if (!report)
    return reply_with(problem{problem_code::internal, "the node could not tell how it is"});
  auto view =
      view_of(*report, report->storage.replica.value_or(settings_.replica), settings_.started);
  view.self.leaving = view.self.leaving || leaving_; // it hands on first, and takes no writes
  return reply_with(view);
}

response front_end::reply(health_request) {
  return reply_with_status("alive");
}

response front_end::reply(ready_request) {
  if (stopping_)
    return reply_with(is_stopping());
  if (leaving_)
    return reply_with(not_ready("This node is leaving its cluster", "it takes no more writes"));
  const auto outcome = ask(report_atom_v);
  const auto* answered = std::get_if<answer>(&outcome);
  const auto* report = answered ? std::get_if<node_report>(answered) : nullptr;
  if (!report)
    return reply_with(not_ready("A part of this node does not answer in time",
                                "the actors do not answer in time"));
  if (const auto& why = report->storage.failure)
    return reply_with(not_ready(why->kind == storage::trouble::full
                                    ? "The disk of this node is full"
                                    : "The disk of this node takes no writes",
                                "nothing can be written: " + why->what));
  if (const auto& why = report->storage.damage)
    return reply_with(
        not_ready("The disk of this node is damaged", "something cannot be read: " + *why));
  if (const auto& why = report->storage.unreadable)
    return reply_with(not_ready("The disk of this node cannot be read in part",
                                "something could not be read: " + *why));
  if (report->storage.is_mending)
    return reply_with(not_ready("This node waits for what its disk has lost",
                                "what was damaged on the disk is brought back from other nodes"));
  // A node that is alone serves all the same: so does the first of a cluster, and each of one that
  // fell apart.
  return reply_with_status("ready", warnings_of(report->membership, report->storage));
}

response front_end::reply(metrics_request) {
  const auto outcome = ask(report_atom_v);
  if (const auto* what = std::get_if<problem>(&outcome))
    return reply_with(*what);
  const auto* report = std::get_if<node_report>(&std::get<answer>(outcome));
  if (!report)
    return reply_with(problem{problem_code::internal, "the node could not tell how it is"});
  return reply_with_metrics(metrics_text(sys_, *report));
}

response front_end::reply(const options_request& asked) {
  return reply_to_options(asked.allow);
}

response front_end::reply(const problem& what) {
  return reply_with(what);
}

/// Blocks until the actor answers, for the configured time at most.
template <class... Ts>
std::variant<answer, problem> front_end::ask(Ts&&... question) {
  auto promise = std::make_shared<std::promise<answer>>();
  auto future = promise->get_future();
  // No copy of the promise may stay here, or a reply that nobody will give could not be told from a
  // late one.
  caf::anon_send(actor_, std::forward<Ts>(question)..., reply_to<answer>{std::move(promise)});
  const auto deadline = std::chrono::steady_clock::now() + settings_.options.request_timeout;
  while (future.wait_for(stop_patience / 10) != std::future_status::ready)
    if (const auto now = std::chrono::steady_clock::now();
        now >= deadline || now >= stop_at_.load())
      return problem{problem_code::timed_out, "no answer in time", {}};
  try {
    return future.get();
  } catch (const std::future_error&) {
    return is_stopping();
  }
}

} // namespace starling::http
