#include "actors/key.hpp"

#include "actors/end_on_error.hpp"
#include "keyspace/key_core.hpp"

#include <caf/send.hpp>
#include <caf/spawn_options.hpp>
#include <caf/telemetry/gauge.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <map>
#include <optional>
#include <utility>
#include <variant>

namespace starling::actors {

struct key_surroundings {
  key_context context;
  keyspace::key_settings settings;
};

namespace {

using keyspace::ticket;

/// Carries messages to the core of a key, and out what the core wants done.
class key_impl : public key_actor::base {
public:
  key_impl(caf::actor_config& cfg, crdt::key key, std::shared_ptr<const key_surroundings> around,
           const std::string& state)
      : key_actor::base(cfg), around_(std::move(around)),
        core_(core_of(std::move(key), *around_, state)) {
    end_process_on_error(this);
  }

  const char* name() const override { return "key"; }

  void on_exit() override {
    count_bytes(0);
    askers_.clear();
    around_ = nullptr; // and with it the handles
  }

  behavior_type make_behavior() override {
    count_bytes(core_.bytes());
    return {
        [this](apply_atom, write_slot& slot) { write(slot); },
        [this](read_atom, crdt::query& q) {
          return promise<crdt::view>([&](ticket t) {
            return keyspace::read_request{t, std::move(q)};
          });
        },
        [this](join_atom, join_slot& slot) { join(slot); },
        [this](news_atom, const news_slot&) {
          report([this](keyspace::effects& todo) { core_.tell_news(todo); });
        },
        [this](state_atom) {
          return promise<std::string>([](ticket t) { return keyspace::state_request{t}; });
        },
        [this](renew_atom, const crdt::replica_id& id) { core_.number_under(id); },
        [this](rest_atom) { return rest(); },
    };
  }

private:
  template <class T>
  using promise_of = caf::typed_response_promise<T>;
  /// Who waits for an answer.
  using asker =
      std::variant<promise_of<crdt::view>, promise_of<std::string>, write_slot, join_slot>;

  static keyspace::key_core core_of(crdt::key key, const key_surroundings& around,
                                    const std::string& state) {
    const auto& [context, settings] = around;
    if (settings.has_disk || state.empty())
      return {std::move(key), settings, context.replica};
    auto kept = crdt::value::decode(state);
    return {storage::held_value{key, std::get<crdt::value>(std::move(kept)), context.digests},
            settings, context.replica};
  }

  const key_context& shared() const { return around_->context; }

  /// Hands a request to the core, under a ticket that whoever made it is kept by.
  template <class Make>
  void add_request(asker who, Make make) {
    askers_.emplace(++last_ticket_, std::move(who));
    core_.add(make(last_ticket_));
    go_on();
  }

  template <class T, class Make>
  promise_of<T> promise(Make make) {
    auto result = make_response_promise<T>();
    add_request(result, make);
    return result;
  }

  void write(write_slot& slot) {
    const auto now = shared().now();
    if (shared().disk) {
      auto what = std::move(slot.order().what);
      return add_request(std::move(slot), [&](ticket t) {
        return keyspace::write_request{t, std::move(what), now};
      });
    }
    keyspace::effects todo;
    auto outcome = core_.write_now(slot.order().what, now, todo);
    carry_out_all(todo);
    count_bytes(core_.bytes());
    if (!outcome)
      slot.fail(to_error(outcome.error()));
    else
      slot.answer(std::move(*outcome));
  }

  void join(join_slot& slot) {
    auto& [key, part, from, elements] = slot.order();
    if (shared().disk) {
      keyspace::join_request what{0, std::move(part), from};
      return add_request(std::move(slot), [&](ticket t) {
        what.from = t;
        return std::move(what);
      });
    }
    keyspace::effects todo;
    const auto brought = core_.join_now(part, from, todo);
    carry_out_all(todo);
    count_bytes(core_.bytes());
    slot.answer(brought.number);
  }

  /// Lets the core do all that can be done now.
  void go_on() {
    keyspace::effects todo;
    while (core_.step(todo))
      carry_out_all(todo);
    count_bytes(core_.bytes());
  }

  /// Reports to the core what came of an effect.
  template <class Report>
  void report(Report report_to) {
    keyspace::effects todo;
    report_to(todo);
    carry_out_all(todo);
    go_on();
  }

  void carry_out_all(keyspace::effects& todo) {
    for (auto& effect : todo)
      std::visit([this](auto& e) { carry_out(e); }, effect);
    todo.clear();
  }

  // -- loading --

  /// What was read, if all that it needs is in memory. Why it could not be is for the reader to
  /// find out.
  template <class T, class Reading>
  std::optional<T> in_memory(Reading reading) const {
    if (!shared().rows)
      return std::nullopt;
    storage::found<T> result = reading(*shared().rows->now_in_memory());
    if (std::holds_alternative<storage::failure>(result))
      return std::nullopt;
    return std::optional<T>{std::in_place, std::get<T>(std::move(result))};
  }

  void carry_out(const keyspace::load_value&) {
    if (auto kept = in_memory<std::optional<storage::held_value>>([this](const auto& at) {
          return storage::read_value(at, core_.key(), shared().whole_bytes, shared().digests);
        }))
      return core_.loaded(std::move(*kept));
    request(shared().reader, caf::infinite, load_atom_v, core_.key())
        .then(
            [this](kept_value& kept) {
              core_.loaded(std::move(kept.value));
              go_on();
            },
            [this](const caf::error& why) { could_not_read(why); });
  }

  void carry_out(keyspace::load_rows& e) {
    if (auto rows = in_memory<storage::some_rows>(
            [&](const auto& at) { return storage::read_rows(at, core_.key(), e.wanted); }))
      return core_.loaded_rows(std::move(*rows));
    request(shared().reader, caf::infinite, load_atom_v, core_.key(), std::move(e.wanted))
        .then(
            [this](storage::some_rows& rows) {
              core_.loaded_rows(std::move(rows));
              go_on();
            },
            [this](const caf::error& why) { could_not_read(why); });
  }

  void could_not_read(const caf::error& why) {
    report([&](keyspace::effects& todo) { core_.could_not_read(to_failure(why), todo); });
  }

  // -- committing --

  void carry_out(keyspace::commit_change& e) {
    const auto number = e.number;
    const auto failed = [this, number](const caf::error& why) {
      report([&](keyspace::effects& todo) { core_.not_committed(number, to_failure(why), todo); });
    };
    const auto worked = [this, number](std::uint64_t own_changes) {
      report([&](keyspace::effects& todo) { core_.committed(number, own_changes, todo); });
    };
    if (e.writer)
      request(shared().disk, caf::infinite, apply_atom_v, std::move(e.changed))
          .then(worked, failed);
    else
      request(shared().disk, caf::infinite, commit_atom_v, std::move(e.changed))
          .then([worked] { worked(0); }, failed);
  }

  void carry_out(const keyspace::renew_replica& e) {
    request(shared().disk, caf::infinite, renew_atom_v, e.lost,
            storage::renewal{storage::renewal::cause::set_back,
                             "a peer has events of this node that its disk does not have"})
        .then(
            [this](const crdt::replica_id& fresh) {
              core_.renewed(fresh);
              go_on();
            },
            [this](const caf::error&) {
              core_.renewed(std::nullopt);
              go_on();
            });
  }

  // -- answering --

  void carry_out(keyspace::spread& e) {
    caf::anon_send(shared().gossip, delta_atom_v, core_.key(), std::move(e.news));
  }

  void carry_out(const keyspace::has_news&) {
    caf::anon_send(shared().gossip, news_atom_v, core_.key());
  }

  void carry_out(keyspace::read_from_disk& e) {
    auto who = take_asker(e.to);
    if (e.what)
      std::get<promise_of<crdt::view>>(who).delegate(shared().reader, read_atom_v, core_.key(),
                                                     std::move(*e.what));
    else
      std::get<promise_of<std::string>>(who).delegate(shared().reader, state_atom_v, core_.key());
  }

  void carry_out(keyspace::answer& e) {
    auto who = take_asker(e.to);
    std::visit([&](auto& to) { answer(to, e); }, who);
  }

  template <class T>
  static void answer(promise_of<T>& to, keyspace::answer& e) {
    if (const auto* why = std::get_if<keyspace::failure>(&e.what))
      to.deliver(to_error(*why));
    else
      to.deliver(std::move(std::get<T>(e.what)));
  }

  static void answer(write_slot& to, keyspace::answer& e) {
    if (const auto* why = std::get_if<keyspace::failure>(&e.what))
      to.fail(to_error(*why));
    else
      to.answer(std::move(std::get<crdt::view>(e.what)));
  }

  static void answer(join_slot& to, keyspace::answer& e) {
    if (const auto* why = std::get_if<keyspace::failure>(&e.what))
      to.fail(to_error(*why));
    else
      to.answer(std::get<keyspace::joined_elements>(e.what).number);
  }

  asker take_asker(ticket t) { return std::move(askers_.extract(t).mapped()); }

  // -- sleep --

  caf::result<rested_key> rest() {
    if (!core_.is_idle())
      return rested_key{};
    keyspace::effects todo;
    core_.tell_news(todo);
    carry_out_all(todo);
    rested_key result{true, {}};
    if (!shared().disk && !core_.held()->empty())
      result.state = core_.held()->value().encode();
    quit();
    return result;
  }

  void count_bytes(std::size_t held) {
    const auto now = static_cast<std::int64_t>(held);
    if (now != counted_bytes_ && shared().awake_bytes != nullptr)
      shared().awake_bytes->inc(now - counted_bytes_);
    counted_bytes_ = now;
  }

  std::shared_ptr<const key_surroundings> around_;
  keyspace::key_core core_;
  std::map<ticket, asker> askers_; // who are not answered yet
  ticket last_ticket_ = 0;
  std::int64_t counted_bytes_ = 0;
};

} // namespace

std::shared_ptr<const key_surroundings> surroundings_of(const key_context& context) {
  return std::make_shared<const key_surroundings>(
      key_surroundings{context,
                       {.digests = context.digests,
                        .value_bytes_max = context.value_bytes_max,
                        .has_disk = context.disk != nullptr,
                        .whole_bytes = context.whole_bytes}});
}

key_actor spawn_key(caf::actor_system& sys, crdt::key key,
                    std::shared_ptr<const key_surroundings> around, std::string state) {
  return sys.spawn<key_impl, caf::lazy_init>(std::move(key), std::move(around), std::move(state));
}

key_actor spawn_key(caf::actor_system& sys, crdt::key key, const key_context& context,
                    std::string state) {
  return spawn_key(sys, std::move(key), surroundings_of(context), std::move(state));
}

} // namespace starling::actors
