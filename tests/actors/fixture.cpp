#include "fixture.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <algorithm>

namespace starling::actors {

namespace {

constexpr std::size_t steps_max = 100'000;

template <class T>
T value_of(wire::decoded<T> decoded) {
  if (auto* value = std::get_if<T>(&decoded))
    return std::move(*value);
  ADD_FAILURE() << std::get<wire::decode_error>(decoded).what;
  return T{};
}

crdt::payload text(std::string data) {
  return {crdt::payload_kind::text, std::move(data)};
}

} // namespace

actor_test::config::config() {
  set("caf.scheduler.policy", "testing");
}

actor_test::actor_test()
    : types_are_registered_((register_types(), true)), sys(config_),
      scheduler_(dynamic_cast<caf::scheduler::test_coordinator&>(sys.scheduler())) {
  sys.await_actors_before_shutdown(false);
  scheduler_.clock().current_time += std::chrono::hours{1}; // its origin means "no time" to CAF
}

actor_test::~actor_test() {
  for (const auto& actor : tracked_)
    caf::anon_send_exit(actor, caf::exit_reason::kill);
  tracked_.clear();
  settle();
}

void actor_test::settle() {
  EXPECT_LT(scheduler_.run(steps_max), steps_max) << "the actors never come to rest";
}

void actor_test::advance(std::chrono::milliseconds time) {
  settle();
  auto& clock = scheduler_.clock();
  const auto end = clock.current_time + time;
  std::size_t steps = 0;
  const auto next = [&clock] {
    return std::ranges::find_if(clock.schedule, [](auto& x) { return !x.second.f.disposed(); });
  };
  for (auto it = next(); it != clock.schedule.end() && it->first <= end; it = next()) {
    ASSERT_LT(steps++, steps_max) << "the timers never come to rest";
    scheduler_.advance_time(std::max(it->first, clock.current_time) - clock.current_time);
    settle();
  }
  scheduler_.advance_time(end - clock.current_time);
  settle();
}

fake_peers::fake_peers(caf::actor_system& sys)
    : controls_(sys.spawn(behave, state_)), handle_(controls_) {}

std::vector<std::string> fake_peers::addresses() const {
  std::vector<std::string> result;
  for (const auto& p : posts())
    result.push_back(p.address);
  return result;
}

void fake_peers::answer(std::size_t index, reply r) {
  if (auto* bytes = std::get_if<std::string>(&r))
    caf::anon_send(controls_, std::uint64_t{index}, std::move(*bytes));
  else if (auto* why = std::get_if<caf::error>(&r))
    caf::anon_send(controls_, std::uint64_t{index}, std::move(*why));
}

fake_peers::controlled_actor::behavior_type fake_peers::behave(controlled_actor::pointer self,
                                                               std::shared_ptr<state> s) {
  return {
      [self, s](post_atom, std::string& address, std::string& path,
                std::string& body) -> caf::result<std::string> {
        s->posts.push_back({std::move(address), std::move(path), std::move(body)});
        auto& promise = s->promises.emplace_back(self->make_response_promise<std::string>());
        auto reply = s->answers ? s->answers(s->posts.back()) : fake_peers::reply{};
        if (auto* bytes = std::get_if<std::string>(&reply))
          promise.deliver(std::move(*bytes));
        else if (auto* why = std::get_if<caf::error>(&reply))
          promise.deliver(std::move(*why));
        return promise;
      },
      [s](std::uint64_t index, std::string& bytes) {
        s->promises.at(index).deliver(std::move(bytes));
      },
      [s](std::uint64_t index, caf::error& why) { s->promises.at(index).deliver(std::move(why)); },
  };
}

fake_gossip::fake_gossip(caf::actor_system& sys) {
  handle_ = sys.spawn([s = state_](gossip_actor::pointer) -> gossip_actor::behavior_type {
    return {
        [](shards_atom, const std::vector<shard_actor>&) {},
        [s](delta_atom, const crdt::key& key, const novelty& delta) {
          s->deltas.push_back({key, delta.part});
          s->digests[key] = delta.now;
          s->sender = delta.from;
        },
        [s](news_atom, const crdt::key& key) { s->with_news.push_back(key); },
        [](news_atom) {},
        [](join_atom, std::uint64_t, const keyspace::join_outcome&) {},
        [](message_atom, const std::string&) { return std::string{}; },
        [](renew_atom, const crdt::replica_id&, const storage::renewal&) {},
        [](question_atom, const std::string&) { return std::string{}; },
        [s](peer_atom, const gossip_peer& peer) { s->peers.push_back(peer); },
        [s](lost_atom, const membership::node_id& id) { s->lost.push_back(id); },
        [](tick_atom) {},
        [](confirm_atom) {},
        [](doubt_atom) {},
        [](flush_atom) {},
        [](leave_atom) {},
        [](report_atom) { return gossip_report{}; },
    };
  });
}

fake_membership::fake_membership(caf::actor_system& sys) {
  handle_ = sys.spawn([s = state_](membership_actor::pointer) -> membership_actor::behavior_type {
    return {
        [](start_atom) {},
        [](watch_atom, const gossip_actor&) {},
        [](const datagrams&) {},
        [](message_atom, membership::call_kind, const std::string&) { return std::string{}; },
        [s](peer_atom, const std::string& address) { s->changed.push_back(address); },
        [s](members_atom, std::uint64_t session, std::uint64_t kept_since) {
          s->holders.emplace_back(session, kept_since);
        },
        [s](peer_atom, const std::string& address, bool was_reached) {
          s->reached.emplace_back(address, was_reached);
        },
        [](leave_atom) { return leave_report{}; },
        [](tick_atom) {},
        [](report_atom) { return membership_report{}; },
    };
  });
}

fake_resolver::fake_resolver(caf::actor_system& sys) {
  handle_ = sys.spawn([s = state_](resolver_actor::pointer) -> resolver_actor::behavior_type {
    return {[s](resolve_atom,
                const std::string& name) -> caf::result<std::vector<membership::udp_address>> {
      s->asked.push_back(name);
      if (const auto known = s->names.find(name); known != s->names.end())
        return known->second;
      if (s->address)
        return std::vector{*s->address};
      return caf::make_error(errc::unreachable, "no such name");
    }};
  });
}

crdt::command increment(std::int64_t amount) {
  return crdt::counter_add{amount};
}

crdt::command assign(std::string data) {
  return crdt::register_assign{text(std::move(data))};
}

crdt::command add(std::string member) {
  return crdt::set_change{.add = {{text(std::move(member)), {}}}, .remove = {}};
}

crdt::command remove(std::string member) {
  return crdt::set_change{.add = {}, .remove = {{text(std::move(member)), {}}}};
}

crdt::value decode_value(const std::string& bytes) {
  return value_of(crdt::value::decode(bytes));
}

replication::message decode_message(const std::string& bytes) {
  return value_of(replication::decode_message(bytes));
}

replication::answer decode_answer(const std::string& bytes) {
  return value_of(replication::decode_answer(bytes));
}

crdt::view counter_view(std::int64_t value) {
  return crdt::counter_view{{value, false}};
}

std::vector<std::string> members_of(const crdt::view& view) {
  std::vector<std::string> result;
  for (const auto& [member, context] : std::get<crdt::set_view>(view).members)
    result.push_back(member.data);
  return result;
}

membership::member make_member(std::string address, std::uint64_t session) {
  const membership::incarnation at{session, 0};
  return {membership::node_id::from(session, session),
          {at, membership::member_state::alive, {}},
          membership::profile{at,
                              {session},
                              membership::udp_address::v4(10, 0, 0, 1, 9080),
                              std::move(address),
                              "node-" + std::to_string(session),
                              ""}};
}

gossip_peer make_peer(std::string address, std::uint64_t session) {
  return {membership::node_id::from(session, session), {session}, std::move(address)};
}

} // namespace starling::actors
