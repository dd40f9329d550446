#include "dummy_node.hpp"

#include <caf/typed_event_based_actor.hpp>

namespace starling::node {

using namespace std::chrono_literals;
using actors::counter_view;
using actors::errc;
using actors::make_member;

namespace {

scripted<crdt::view> outcome_of(const crdt::key& key) {
  if (key.name == "mute")
    return {};
  if (key.name == "unknown")
    return caf::make_error(errc::no_such_key);
  if (key.name == "range")
    return caf::make_error(errc::counter_range);
  if (key.name == "exhausted")
    return caf::make_error(errc::exhausted);
  if (key.name == "large")
    return caf::make_error(errc::value_too_large);
  if (key.name == "full")
    return caf::make_error(errc::disk_full, "no room in /private");
  if (key.name == "failed")
    return caf::make_error(errc::disk_failed, "no writes to /private");
  if (key.name == "unreadable")
    return caf::make_error(errc::unreadable, "an error of /private");
  if (key.name == "perhaps")
    return caf::make_error(errc::write_unknown, "no sync of /private");
  if (key.name == "newer")
    return caf::make_error(errc::newer_format, "a format of /private");
  if (key.name == "mending")
    return caf::make_error(errc::being_mended);
  if (key.name == "broken")
    return caf::make_error(caf::sec::runtime_error, "private");
  return counter_view(static_cast<std::int64_t>(key.name.size()));
}

template <class T, class Pointer, class Promises>
caf::result<T> answer_or_keep(Pointer self, Promises& kept, const scripted<T>& what) {
  auto promise = self->template make_response_promise<T>();
  if (const auto* value = std::get_if<T>(&what))
    promise.deliver(*value);
  else if (const auto* why = std::get_if<caf::error>(&what))
    promise.deliver(*why);
  else
    kept.push_back(promise);
  return promise;
}

/// Of some keys in order, those that a query asks for.
std::vector<crdt::key> first_of(const std::vector<crdt::key>& keys, const crdt::key_query& q) {
  std::vector<crdt::key> result;
  for (const auto& range : crdt::ranges_of(q))
    for (const auto& key : keys)
      if (key >= range.first && range.contains(key) && result.size() < q.limit)
        result.push_back(key);
  return result;
}

/// A shard that says to a report how many keys it has, and to a list that it has `listed`.
dummy_shard::behavior_type behave(dummy_shard::pointer self, scripted<std::uint64_t> keys,
                                  scripted<std::vector<crdt::key>> listed,
                                  const std::shared_ptr<dummy_node::amounts>& written) {
  struct state {
    std::vector<caf::typed_response_promise<crdt::view>> views;
    std::vector<actors::write_slot> writes;
    std::vector<caf::typed_response_promise<std::uint64_t>> reports;
    std::vector<caf::typed_response_promise<std::vector<crdt::key>>> lists;
  };
  auto s = std::make_shared<state>();
  return {
      [s, written](actors::apply_atom, std::vector<actors::write_slot>& slots) {
        for (auto& slot : slots) {
          const auto& [key, what] = slot.order();
          if (const auto* add = std::get_if<crdt::counter_add>(&what))
            (*written)[key].push_back(add->amount);
          const auto came = outcome_of(key);
          if (std::holds_alternative<crdt::view>(came))
            slot.answer(counter_view(std::get<crdt::counter_add>(what).amount));
          else if (const auto* why = std::get_if<caf::error>(&came))
            slot.fail(*why);
          else
            s->writes.push_back(std::move(slot));
        }
      },
      [self, s](actors::read_atom, const crdt::key& key,
                const crdt::query& q) -> caf::result<crdt::view> {
        if (const auto* page = std::get_if<crdt::member_page>(&q))
          return crdt::page_view{{{}, page->limit}, {}};
        if (key.name == "killer")
          self->send_exit(caf::actor_cast<caf::actor>(self->current_sender()),
                          caf::exit_reason::user_shutdown);
        return answer_or_keep(self, s->views,
                              key.name == "killer" ? scripted<crdt::view>{} : outcome_of(key));
      },
      [](actors::join_atom, const std::vector<actors::join_slot>&) {},
      [](actors::news_atom, const std::vector<actors::news_slot>&) {},
      [](actors::state_atom, const crdt::key&) { return std::string{}; },
      [self, s, listed](actors::keys_atom, const crdt::key_query& q) {
        auto first = listed;
        if (auto* all = std::get_if<std::vector<crdt::key>>(&first))
          *all = first_of(*all, q);
        return answer_or_keep(self, s->lists, first);
      },
      [](actors::renew_atom, const crdt::replica_id&, const storage::renewal&) {},
      [](actors::mended_atom) {},
      [self, s, keys](actors::report_atom) { return answer_or_keep(self, s->reports, keys); },
      [s](actors::watch_atom) { return std::uint64_t{s->views.size() + s->writes.size()}; },
      [s](actors::flush_atom) {
        for (auto& promise : std::exchange(s->views, {}))
          promise.deliver(counter_view(99));
        for (auto& slot : std::exchange(s->writes, {}))
          slot.answer(counter_view(99));
        for (auto& promise : std::exchange(s->reports, {}))
          promise.deliver(std::uint64_t{99});
      },
  };
}

actors::gossip_actor::behavior_type behave(actors::gossip_actor::pointer self,
                                           const scripted<actors::gossip_report>& report) {
  auto kept = std::make_shared<std::vector<caf::typed_response_promise<actors::gossip_report>>>();
  return {
      [](actors::shards_atom, const std::vector<actors::shard_actor>&) {},
      [](actors::delta_atom, const crdt::key&, const actors::novelty&) {},
      [](actors::news_atom, const crdt::key&) {},
      [](actors::news_atom) {},
      [](actors::join_atom, std::uint64_t, const keyspace::join_outcome&) {},
      [](actors::message_atom, const std::string&) { return std::string{}; },
      [](actors::renew_atom, const crdt::replica_id&, const storage::renewal&) {},
      [](actors::confirm_atom) {},
      [](actors::doubt_atom) {},
      [](actors::question_atom, const std::string&) { return std::string{}; },
      [](actors::peer_atom, const actors::gossip_peer&) {},
      [](actors::lost_atom, const membership::node_id&) {},
      [](actors::tick_atom) {},
      [](actors::flush_atom) {},
      [](actors::leave_atom) {},
      [self, kept, report](actors::report_atom) { return answer_or_keep(self, *kept, report); },
  };
}

actors::membership_actor::behavior_type behave(actors::membership_actor::pointer self,
                                               const scripted<actors::membership_report>& report) {
  auto kept =
      std::make_shared<std::vector<caf::typed_response_promise<actors::membership_report>>>();
  return {
      [](actors::start_atom) {},
      [](actors::watch_atom, const actors::gossip_actor&) {},
      [](const actors::datagrams&) {},
      [](actors::message_atom, membership::call_kind, const std::string&) { return std::string{}; },
      [](actors::peer_atom, const std::string&) {},
      [](actors::peer_atom, const std::string&, bool) {},
      [](actors::members_atom, std::uint64_t, std::uint64_t) {},
      [](actors::leave_atom) { return actors::leave_report{}; },
      [](actors::tick_atom) {},
      [self, kept, report](actors::report_atom) { return answer_or_keep(self, *kept, report); },
  };
}

actors::storage_actor::behavior_type behave(const actors::storage_report& report) {
  return {
      [](actors::commit_atom, const storage::batch&) {},
      [](actors::apply_atom, const storage::batch&) { return std::uint64_t{1}; },
      [](actors::note_atom, const storage::batch&) {},
      [](actors::members_atom, const std::string&) {},
      [](actors::number_atom) { return crdt::replica_id{}; },
      [](actors::confirm_atom) {},
      [](actors::doubt_atom) {},
      [](actors::question_atom, const std::string&) {},
      [](actors::tick_atom) {},
      [](actors::shards_atom, const std::vector<actors::numbering_actor>&) {},
      [](actors::renew_atom, const crdt::replica_id& id, const storage::renewal&) { return id; },
      [](actors::damaged_atom, const storage::failure&) {},
      [](actors::mended_atom) {},
      [report](actors::report_atom) { return report; },
  };
}

constexpr std::chrono::sys_seconds a_while_ago{1'700'000'000s};

actors::member_report make_peer_report(std::string address, std::uint64_t number,
                                       membership::member_state state) {
  actors::member_report result{.record = make_member(std::move(address), number),
                               .since = a_while_ago};
  result.record.status.is = state;
  return result;
}

} // namespace

actors::membership_report make_membership_report() {
  using enum membership::member_state;
  actors::membership_report result;
  result.self = make_member("self:1", 1);
  result.health = 2;
  result.peers = {make_peer_report("a:1", 2, alive), make_peer_report("b:1", 3, suspect),
                  make_peer_report("c:1", 4, dead), make_peer_report("d:1", 5, left),
                  make_peer_report("a:1", 6, dead)};
  result.peers[0].round_trip = 1'250us;
  result.peers[0].health = 3;
  result.peers[1].record.status.accusers.insert(result.self.id);
  result.peers[1].record.status.accusers.insert(result.peers[0].record.id);
  result.peers[2].own_verdict = true;
  result.peers[4].replaced = true;
  result.unreached_seeds = {"seed:1"};
  return result;
}

actors::gossip_report make_gossip_report() {
  actors::gossip_report result;
  result.root = {0xab, 1};
  result.keys = 7;
  result.log_entries = 5;
  result.peers = {{{2}, false, 0, 1}, {{3}, false, 0}};
  result.refused[{2}] = {{crdt::type::set, "big"}};
  return result;
}

dummy_node::dummy_node(caf::actor_system& sys, const node_script& script)
    : shards{sys.spawn([script, w = written](dummy_shard::pointer p) {
               return behave(p, script.first_shard, script.first_list, w);
             }),
             sys.spawn([script, w = written](dummy_shard::pointer p) {
               return behave(p, script.second_shard, script.second_list, w);
             })},
      gossip(
          sys.spawn([s = script.gossip](actors::gossip_actor::pointer p) { return behave(p, s); })),
      membership(sys.spawn(
          [s = script.membership](actors::membership_actor::pointer p) { return behave(p, s); })) {
  if (script.storage)
    storage =
        sys.spawn([s = *script.storage](actors::storage_actor::pointer) { return behave(s); });
}

service_context dummy_node::context() const {
  return {actors::shard_map{{shards[0], shards[1]}}, gossip, membership, {}, storage};
}

crdt::key counter(std::string name) {
  return {crdt::type::counter, std::move(name)};
}

} // namespace starling::node
