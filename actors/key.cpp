#include "actors/key.hpp"

#include "actors/last_words.hpp"
#include "keyspace/key_core.hpp"

#include <caf/send.hpp>
#include <caf/spawn_options.hpp>
#include <caf/telemetry/gauge.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <map>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace starling::actors {

namespace {

using keyspace::ticket;

/// Carries messages to the core of a key, and out what the core wants done.
class key_impl : public key_actor::base {
public:
  key_impl(caf::actor_config& cfg, crdt::key key, const key_context& context,
           const std::string& state)
      : key_actor::base(cfg), context_(context), settings_(settings_of(context)),
        core_(core_of(std::move(key), settings_, context, state)) {
    end_process_on_error(this);
  }

  const char* name() const override { return "key"; }

  void on_exit() override {
    count_bytes(0);
    promises_.clear();
    context_.gossip = nullptr;
    context_.disk = nullptr;
    context_.reader = nullptr;
    context_.rows = nullptr;
  }

  behavior_type make_behavior() override {
    count_bytes(core_.bytes());
    return {
        [this](apply_atom, crdt::command& c) {
          const auto now = context_.now();
          return take<crdt::view>([&](ticket t) {
            return keyspace::write_request{t, std::move(c), now};
          });
        },
        [this](read_atom, crdt::query& q) {
          return take<crdt::view>([&](ticket t) {
            return keyspace::read_request{t, std::move(q)};
          });
        },
        [this](join_atom, crdt::value& part) {
          return take<novelty>([&](ticket t) {
            return keyspace::join_request{t, std::move(part)};
          });
        },
        [this](state_atom) {
          return take<std::string>([](ticket t) { return keyspace::state_request{t}; });
        },
        [this](renew_atom, const crdt::replica_id& id) { core_.number_under(id); },
        [this](rest_atom) { return rest(); },
    };
  }

private:
  template <class T>
  using promise_of = caf::typed_response_promise<T>;
  using promise =
      std::variant<promise_of<crdt::view>, promise_of<novelty>, promise_of<std::string>>;

  static keyspace::key_settings settings_of(const key_context& c) {
    return {.digests = c.digests,
            .value_bytes_max = c.value_bytes_max,
            .has_disk = c.disk != nullptr,
            .whole_bytes = c.whole_bytes};
  }

  static keyspace::key_core core_of(crdt::key key, const keyspace::key_settings& settings,
                                    const key_context& context, const std::string& state) {
    if (settings.has_disk || state.empty())
      return {std::move(key), settings, context.replica};
    auto kept = crdt::value::decode(state);
    return {storage::held_value{key, std::get<crdt::value>(std::move(kept)), context.digests},
            settings, context.replica};
  }

  /// Hands a request to the core, under a ticket that the promise of its answer is kept by.
  template <class T, class Make>
  promise_of<T> take(Make make) {
    auto result = make_response_promise<T>();
    promises_.emplace(++last_ticket_, result);
    core_.take(make(last_ticket_));
    go_on();
    return result;
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
    if (!context_.rows)
      return std::nullopt;
    storage::found<T> result = reading(*context_.rows->now_in_memory());
    if (std::holds_alternative<storage::failure>(result))
      return std::nullopt;
    return std::optional<T>{std::in_place, std::get<T>(std::move(result))};
  }

  void carry_out(const keyspace::load_value&) {
    if (auto kept = in_memory<std::optional<storage::held_value>>([this](const auto& at) {
          return storage::read_value(at, core_.key(), context_.whole_bytes, context_.digests);
        }))
      return core_.loaded(std::move(*kept));
    request(context_.reader, caf::infinite, load_atom_v, core_.key())
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
    request(context_.reader, caf::infinite, load_atom_v, core_.key(), std::move(e.wanted))
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
      request(context_.disk, caf::infinite, apply_atom_v, std::move(e.changed))
          .then(worked, failed);
    else
      request(context_.disk, caf::infinite, commit_atom_v, std::move(e.changed))
          .then([worked] { worked(0); }, failed);
  }

  void carry_out(const keyspace::renew_replica& e) {
    request(context_.disk, caf::infinite, renew_atom_v, e.lost,
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
    caf::anon_send(context_.gossip, delta_atom_v, core_.key(), std::move(e.news));
  }

  void carry_out(keyspace::read_from_disk& e) {
    auto who = take_promise(e.to);
    if (e.what)
      std::get<promise_of<crdt::view>>(who).delegate(context_.reader, read_atom_v, core_.key(),
                                                     std::move(*e.what));
    else
      std::get<promise_of<std::string>>(who).delegate(context_.reader, state_atom_v, core_.key());
  }

  void carry_out(keyspace::answer& e) {
    auto who = take_promise(e.to);
    if (const auto* why = std::get_if<keyspace::failure>(&e.what))
      return std::visit([&](auto& p) { p.deliver(to_error(*why)); }, who);
    std::visit(
        [&](auto& what) {
          using answer = std::decay_t<decltype(what)>;
          if constexpr (!std::is_same_v<answer, keyspace::failure>)
            std::get<promise_of<answer>>(who).deliver(std::move(what));
        },
        e.what);
  }

  promise take_promise(ticket t) { return std::move(promises_.extract(t).mapped()); }

  // -- sleep --

  caf::result<rested_key> rest() {
    if (!core_.is_idle())
      return rested_key{};
    rested_key result{true, {}};
    if (!context_.disk && !core_.held()->empty())
      result.state = core_.held()->value().encode();
    quit();
    return result;
  }

  void count_bytes(std::size_t held) {
    const auto now = static_cast<std::int64_t>(held);
    if (context_.awake_bytes != nullptr && now != counted_bytes_)
      context_.awake_bytes->inc(now - counted_bytes_);
    counted_bytes_ = now;
  }

  key_context context_;
  keyspace::key_settings settings_;
  keyspace::key_core core_;
  std::map<ticket, promise> promises_; // of the answers that are not given yet
  ticket last_ticket_ = 0;
  std::int64_t counted_bytes_ = 0;
};

} // namespace

key_actor spawn_key(caf::actor_system& sys, crdt::key key, const key_context& context,
                    std::string state) {
  return sys.spawn<key_impl, caf::lazy_init>(std::move(key), context, std::move(state));
}

} // namespace starling::actors
