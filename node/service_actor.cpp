#include "node/service_actor.hpp"

#include "actors/end_on_error.hpp"
#include "node/waiting_line.hpp"

#include <caf/actor_cast.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/init_global_meta_objects.hpp>
#include <caf/policy/select_all.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <map>
#include <memory>
#include <utility>

namespace starling::node {

namespace {

class service_impl : public service_actor::base {
public:
  service_impl(caf::actor_config& cfg, const service_context& context)
      : service_actor::base(cfg), context_(context), waiting_(context.waiting_bytes_max) {
    actors::end_process_on_error(this);
  }

  const char* name() const override { return "service"; }

  void on_exit() override {
    context_.shards = actors::shard_map{{}};
    context_.gossip = nullptr;
    context_.membership = nullptr;
    context_.reader = nullptr;
    context_.storage = nullptr;
    calls_.clear();
    leavers_.clear();
  }

  behavior_type make_behavior() override {
    return {
        [this](actors::read_atom, const crdt::key& key, const crdt::query& q, view_reply& reply) {
          read(key, q, reply);
        },
        [this](actors::apply_atom, crdt::key& key, crdt::command& c, view_reply& reply) {
          std::vector<write_order> orders;
          orders.push_back({std::move(key), std::move(c)});
          carry_out_all(orders, [reply = reply](write_outcomes all) mutable {
            reply(std::move(all.front()));
          });
        },
        [this](actors::apply_atom, std::vector<write_order>& orders, views_reply& reply) {
          carry_out_all(orders,
                        [reply = reply](write_outcomes all) mutable { reply(std::move(all)); });
        },
        [this](written_atom, std::uint64_t number, write_outcomes& outcomes) {
          written(number, outcomes);
        },
        [this](actors::keys_atom, const crdt::key_query& q, keys_reply& reply) { list(q, reply); },
        [this](actors::report_atom, report_reply& reply) { report(reply); },
        [this](refuse_writes_atom, yes_reply& reply) {
          refuses_writes_ = true;
          if (writes_ == 0)
            return reply(true);
          leavers_.push_back(std::move(reply));
        },
        [this](take_writes_atom) {
          refuses_writes_ = false;
          leavers_.clear();
        },
    };
  }

private:
  // What a request takes beside what it asks for, at least.
  static constexpr std::size_t bytes_around = 4096;

  static std::size_t bytes_of(const crdt::command& c) {
    return bytes_around + crdt::footprint_of(c);
  }

  void read(const crdt::key& key, const crdt::query& q, const view_reply& reply) {
    const auto place = waiting_.enter(key, bytes_around);
    if (!place)
      return view_reply{reply}(service_error::key_busy);
    request(context_.shards.route(key), caf::infinite, actors::read_atom_v, key, q)
        .then(
            [this, place = *place, reply = reply](crdt::view& seen) mutable {
              waiting_.leave(place);
              reply(std::move(seen));
            },
            [this, place = *place, reply = reply](const caf::error& why) mutable {
              waiting_.leave(place);
              reply(service_error_of(why));
            });
  }

  void one_write_less() {
    if (--writes_ > 0)
      return;
    for (auto& reply : std::exchange(leavers_, {}))
      reply(true);
  }

  // -- several writes at once --

  struct call {
    std::vector<waiting_line::place> in_line;
    std::vector<std::size_t> refused; // orders for which there was no room; in ascending order
    std::function<void(write_outcomes)> reply;
  };

  /// `reply` is called once, when this actor ends at the latest if it is a reply_to.
  void carry_out_all(std::vector<write_order>& orders, std::function<void(write_outcomes)> reply) {
    if (refuses_writes_)
      return reply(write_outcomes(orders.size(), service_error::leaving));
    call one{{}, {}, std::move(reply)};
    one.in_line.reserve(orders.size());
    for (std::size_t i = 0; i < orders.size(); ++i)
      if (const auto place = waiting_.enter(orders[i].key, bytes_of(orders[i].what)))
        one.in_line.push_back(*place);
      else
        one.refused.push_back(i);
    for (auto at = one.refused.rbegin(); at != one.refused.rend(); ++at)
      orders.erase(orders.begin() + static_cast<std::ptrdiff_t>(*at));
    if (orders.empty())
      return one.reply(write_outcomes(one.refused.size(), service_error::key_busy));
    ++writes_;
    calls_.emplace(++last_call_, std::move(one));
    context_.shards.send(
        actors::apply_atom_v,
        std::make_shared<actors::write_batch>(
            std::move(orders), [number = last_call_, to = service_actor{this}](auto& carried_out) {
              caf::anon_send(to, written_atom_v, number, outcomes_of(carried_out));
            }));
  }

  static write_outcomes outcomes_of(actors::write_batch& orders) {
    write_outcomes result;
    result.reserve(orders.size());
    for (auto& came : orders.outcomes())
      if (auto* seen = std::get_if<crdt::view>(&came))
        result.emplace_back(std::move(*seen));
      else if (const auto* why = std::get_if<caf::error>(&came))
        result.emplace_back(service_error_of(*why));
      else
        result.emplace_back(service_error::internal); // nobody is there any more
    return result;
  }

  void written(std::uint64_t number, write_outcomes& outcomes) {
    auto one = std::move(calls_.extract(number).mapped());
    for (const auto& place : one.in_line)
      waiting_.leave(place);
    for (const auto at : one.refused)
      outcomes.insert(outcomes.begin() + static_cast<std::ptrdiff_t>(at), service_error::key_busy);
    one.reply(std::move(outcomes));
    one_write_less();
  }

  // -- lists and reports --

  /// Any of the keys may be in any of the shards, and one more tells whether there are more.
  void list(crdt::key_query q, const keys_reply& reply) {
    const auto limit = q.limit++;
    const auto fail = [reply = reply](const caf::error& why) mutable {
      reply(service_error_of(why));
    };
    if (context_.reader) {
      request(context_.reader, caf::infinite, actors::keys_atom_v, std::move(q))
          .then(
              [reply = reply, limit](std::vector<crdt::key>& found) mutable {
                reply(crdt::merged({std::move(found)}, limit));
              },
              fail);
      return;
    }
    fan_out_request<caf::policy::select_all>(context_.shards.all(), caf::infinite,
                                             actors::keys_atom_v, q) // not moved: to all of them
        .then(
            [reply = reply, limit](std::vector<std::vector<crdt::key>> found) mutable {
              reply(crdt::merged(found, limit));
            },
            fail);
  }

  /// Every actor of the node is asked once, so an answer also says that all of them are at work.
  void report(const report_reply& reply) {
    struct gathered {
      std::size_t left;
      node_report report;
      report_reply reply;
    };
    const auto& shards = context_.shards.all();
    auto all =
        std::make_shared<gathered>(gathered{shards.size() + (context_.storage ? 3 : 2), {}, reply});
    all->report.refuses_writes = refuses_writes_;
    const auto count_down = [all] {
      if (--all->left == 0)
        all->reply(std::move(all->report));
    };
    const auto fail = [all](const caf::error&) { all->reply(service_error::internal); };
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

  service_context context_;
  waiting_line waiting_;
  bool refuses_writes_ = false;
  std::size_t writes_ = 0;              // under way; a call with several counts once
  std::vector<yes_reply> leavers_;      // who wait until there is none
  std::map<std::uint64_t, call> calls_; // with several writes, under way
  std::uint64_t last_call_ = 0;
};

} // namespace

void register_types() {
  actors::register_types();
  [[maybe_unused]] static const bool once = [] {
    caf::init_global_meta_objects<caf::id_block::starling_node>();
    return true;
  }();
}

service_actor spawn_service(caf::actor_system& sys, const service_context& context) {
  return sys.spawn<service_impl>(context);
}

} // namespace starling::node
