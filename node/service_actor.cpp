#include "node/service_actor.hpp"

#include "actors/last_words.hpp"
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

/// Some orders that are carried out, and what has come of them so far.
struct ordered {
  std::vector<write_order> orders;
  write_outcomes outcomes;
  std::vector<std::size_t> pending; // the indices of those that the shards are to carry out
};

/// Hands the orders of one call to the shards, and gathers what comes of them.
///
/// Each call has such an actor of its own. CAF searches all requests that an actor waits for with
/// each answer, so one actor that waited for the orders of all calls would become slow.
void carry_out(caf::event_based_actor* self, const actors::shard_map& shards, ordered work,
               std::uint64_t number, const service_actor& tell) {
  actors::end_process_on_error(self);
  struct gathered {
    std::size_t left;
    write_outcomes outcomes;
  };
  auto all = std::make_shared<gathered>(gathered{work.pending.size(), std::move(work.outcomes)});
  const auto gather = [=](std::size_t index, outcome<crdt::view> came) {
    all->outcomes[index] = std::move(came);
    if (--all->left == 0)
      self->send(tell, written_atom_v, number, std::move(all->outcomes));
  };
  for (const auto index : work.pending) {
    auto& order = work.orders[index];
    self->request(shards.route(order.key), caf::infinite, actors::apply_atom_v, order.key,
                  std::move(order.what))
        .then([=](crdt::view& seen) { gather(index, std::move(seen)); },
              [=](const caf::error& why) { gather(index, service_error_of(why)); });
  }
}

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
          if (!waiting_.enter(key, bytes_around))
            return reply(service_error::key_busy);
          ask_shard(key, bytes_around, actors::read_atom_v, q, reply, [] {});
        },
        [this](actors::apply_atom, const crdt::key& key, crdt::command& c, view_reply& reply) {
          if (refuses_writes_)
            return reply(service_error::leaving);
          const auto bytes = bytes_of(c);
          if (!waiting_.enter(key, bytes))
            return reply(service_error::key_busy);
          ++writes_;
          ask_shard(key, bytes, actors::apply_atom_v, std::move(c), reply,
                    [this] { one_write_less(); });
        },
        [this](actors::apply_atom, std::vector<write_order>& orders, views_reply& reply) {
          carry_out_all(orders, reply);
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

  /// Asks the shard of a key. Requires: the request has entered the line.
  template <class Atom, class What, class Then>
  void ask_shard(const crdt::key& key, std::size_t bytes, Atom atom, What what,
                 const view_reply& reply, Then then) {
    request(context_.shards.route(key), caf::infinite, atom, key, std::move(what))
        .then(
            [this, key, bytes, reply = reply, then](crdt::view& seen) mutable {
              waiting_.leave(key, bytes);
              reply(std::move(seen));
              then();
            },
            [this, key, bytes, reply = reply, then](const caf::error& why) mutable {
              waiting_.leave(key, bytes);
              reply(service_error_of(why));
              then();
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
    std::vector<std::pair<crdt::key, std::size_t>> in_line; // keys and bytes
    views_reply reply;
  };

  void carry_out_all(std::vector<write_order>& orders, views_reply& reply) {
    if (refuses_writes_)
      return reply(write_outcomes(orders.size(), service_error::leaving));
    call one{{}, reply};
    ordered work{{}, write_outcomes(orders.size(), service_error::key_busy), {}};
    for (std::size_t i = 0; i < orders.size(); ++i)
      if (const auto bytes = bytes_of(orders[i].what); waiting_.enter(orders[i].key, bytes)) {
        work.pending.push_back(i);
        one.in_line.emplace_back(orders[i].key, bytes);
      }
    if (work.pending.empty())
      return reply(std::move(work.outcomes));
    work.orders = std::move(orders);
    ++writes_;
    calls_.emplace(++last_call_, std::move(one));
    spawn([shards = context_.shards, work = std::move(work), number = last_call_,
           tell = caf::actor_cast<service_actor>(this)](caf::event_based_actor* self) mutable {
      carry_out(self, shards, std::move(work), number, tell);
    });
  }

  void written(std::uint64_t number, write_outcomes& outcomes) {
    auto one = std::move(calls_.extract(number).mapped());
    for (const auto& [key, bytes] : one.in_line)
      waiting_.leave(key, bytes);
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
