#include "actors/key.hpp"

#include "actors/last_words.hpp"
#include "storage/identity.hpp"
#include "storage/reading.hpp"

#include <caf/send.hpp>
#include <caf/spawn_options.hpp>
#include <caf/telemetry/gauge.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

namespace starling::actors {

namespace {

caf::error to_error(crdt::refusal why) {
  switch (why) {
  case crdt::refusal::counter_range:
    return errc::counter_range;
  case crdt::refusal::exhausted:
    return errc::exhausted;
  }
  return errc::exhausted;
}

constexpr bool is_own = true; // of a change: it numbers an event of this node

class key_impl : public key_actor::base {
public:
  key_impl(caf::actor_config& cfg, crdt::key key, const key_context& context,
           const std::string& state)
      : key_actor::base(cfg), key_(std::move(key)), context_(context) {
    end_process_on_error(this);
    if (context_.disk)
      return;
    if (state.empty()) {
      value_.emplace(key_);
      return;
    }
    auto kept = crdt::value::decode(state);
    value_.emplace(key_, std::get<crdt::value>(std::move(kept)), context_.digests);
  }

  const char* name() const override { return "key"; }

  void on_exit() override {
    value_.reset();
    count_bytes();
    waiting_.clear();
    committing_.clear();
    context_.gossip = nullptr;
    context_.disk = nullptr;
    context_.reader = nullptr;
    context_.rows = nullptr;
  }

  behavior_type make_behavior() override {
    count_bytes();
    return {
        [this](apply_atom, crdt::command& c) {
          auto promise = make_response_promise<crdt::view>();
          take(write{std::move(c), promise});
          return promise;
        },
        [this](read_atom, crdt::query& q) {
          auto promise = make_response_promise<crdt::view>();
          take(read{std::move(q), promise});
          return promise;
        },
        [this](join_atom, crdt::value& part) {
          auto promise = make_response_promise<novelty>();
          take(arrival{std::move(part), promise});
          return promise;
        },
        [this](state_atom) {
          auto promise = make_response_promise<std::string>();
          take(state_read{promise});
          return promise;
        },
        [this](renew_atom, const crdt::replica_id& id) { context_.replica = id; },
        [this](rest_atom) { return rest(); },
    };
  }

private:
  // -- what is asked, one after the other --

  struct write {
    crdt::command what;
    caf::typed_response_promise<crdt::view> reply;
  };
  struct read {
    crdt::query what;
    caf::typed_response_promise<crdt::view> reply;
  };
  struct arrival {
    crdt::value part;
    caf::typed_response_promise<novelty> reply;
  };
  struct state_read {
    caf::typed_response_promise<std::string> reply;
  };
  using job = std::variant<write, read, arrival, state_read>;

  void take(job what) {
    if (is_busy())
      waiting_.push_back(std::move(what));
    else
      start(std::move(what));
  }

  bool is_busy() const { return is_loading_ || is_renewing_; }

  void start(job what) {
    if (!value_)
      return load(std::move(what));
    if (auto wanted = std::visit([this](const auto& j) { return lacks(j); }, what); !wanted.empty())
      return load_rows(std::move(what), std::move(wanted));
    std::visit([this](auto& j) { perform(j); }, what);
  }

  void go_on() {
    while (!is_busy() && !waiting_.empty()) {
      auto next = std::move(waiting_.front());
      waiting_.pop_front();
      start(std::move(next));
    }
  }

  /// Loads the value before a job that needs it.
  void load(job what) {
    if (auto kept = in_memory<std::optional<storage::held_value>>([this](const auto& at) {
          return storage::read_value(at, key_, context_.whole_bytes, context_.digests);
        })) {
      hold(std::move(*kept));
      return start(std::move(what));
    }
    is_loading_ = true;
    const auto held = std::make_shared<job>(std::move(what)); // it may be large
    request(context_.reader, caf::infinite, load_atom_v, key_)
        .then(
            [this, held](kept_value& kept) {
              hold(std::move(kept.value));
              start_and_go_on(std::move(*held));
            },
            [this, held](const caf::error& why) { fail_and_go_on(*held, why); });
  }

  void hold(std::optional<storage::held_value> kept) {
    value_ = kept ? std::move(*kept) : storage::held_value{key_};
    count_bytes();
  }

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

  void load_rows(job what, storage::wanted_rows wanted) {
    if (auto rows = in_memory<storage::some_rows>(
            [&](const auto& at) { return storage::read_rows(at, key_, wanted); })) {
      value_->take(rows->asked, std::move(rows->clocks));
      return std::visit([this](auto& j) { perform(j); }, what);
    }
    is_loading_ = true;
    const auto held = std::make_shared<job>(std::move(what));
    request(context_.reader, caf::infinite, load_atom_v, key_, std::move(wanted))
        .then(
            [this, held, life = life_](storage::some_rows& rows) {
              if (life != life_)
                return start_and_go_on(std::move(*held));
              is_loading_ = false;
              value_->take(rows.asked, std::move(rows.clocks));
              std::visit([this](auto& j) { perform(j); }, *held);
              go_on();
            },
            [this, held](const caf::error& why) { fail_and_go_on(*held, why); });
  }

  void start_and_go_on(job what) {
    is_loading_ = false;
    start(std::move(what));
    go_on();
  }

  void fail_and_go_on(job& what, const caf::error& why) {
    is_loading_ = false;
    std::visit([&why](auto& j) { j.reply.deliver(why); }, what);
    go_on();
  }

  storage::wanted_rows lacks(const write& w) const {
    return value_->lacks(w.what, context_.replica);
  }
  storage::wanted_rows lacks(const arrival& a) const { return value_->lacks(a.part); }
  storage::wanted_rows lacks(const read& r) const {
    const auto* one = std::get_if<crdt::one_member>(&r.what);
    return one != nullptr ? value_->lacks(*one) : storage::wanted_rows{};
  }
  storage::wanted_rows lacks(const state_read&) const { return {}; }

  // -- doing it --

  void perform(write& w) {
    if (crdt::can_grow(w.what) && value_->footprint() > context_.value_bytes_max)
      return w.reply.deliver(caf::make_error(errc::value_too_large));
    storage::batch changed;
    auto outcome = value_->apply(w.what, context_.replica, context_.now(), context_.digests,
                                 changes_for_disk(changed));
    if (const auto* why = std::get_if<crdt::refusal>(&outcome))
      return w.reply.deliver(to_error(*why));
    auto view = value_->view(w.what);
    auto& delta = std::get<std::optional<crdt::value>>(outcome);
    if (!delta)
      return when_committed([reply = w.reply, view = std::move(view)](const auto& why) mutable {
        why ? reply.deliver(why) : reply.deliver(std::move(view));
      });
    commit(std::move(changed), is_own,
           [this, reply = w.reply, view = std::move(view), by = context_.replica,
            news = novelty{std::move(*delta), value_->digest()}](const auto& why) mutable {
             if (why)
               return reply.deliver(why);
             if (context_.disk)
               news.counted = replication::tally{by, own_changes_};
             caf::anon_send(context_.gossip, delta_atom_v, key_, std::move(news));
             reply.deliver(std::move(view));
           });
  }

  void perform(read& r) {
    if (!value_->is_whole() && !std::holds_alternative<crdt::one_member>(r.what))
      return when_committed([this, again = r](const auto& why) mutable {
        if (why)
          return take(std::move(again));
        again.reply.delegate(context_.reader, read_atom_v, key_, std::move(again.what));
      });
    if (value_->empty())
      return r.reply.deliver(caf::make_error(errc::no_such_key));
    when_committed([this, again = r, view = value_->view(r.what)](const auto& why) mutable {
      why ? take(std::move(again)) : again.reply.deliver(std::move(view));
    });
  }

  void perform(arrival& a) {
    storage::batch changed;
    auto part = value_->join(a.part, context_.digests, changes_for_disk(changed));
    const bool is_news = part.has_value();
    if (is_news && context_.disk && storage::shows_lost_events(*part, *value_, context_.replica))
      renew("a peer has events of this node that its disk does not have");
    auto answer = [reply = a.reply,
                   news = novelty{std::move(part), value_->digest()}](const auto& why) mutable {
      why ? reply.deliver(why) : reply.deliver(std::move(news));
    };
    if (is_news)
      commit(std::move(changed), !is_own, std::move(answer));
    else
      when_committed(std::move(answer)); // what the peer sent may be part of what is not yet
  }

  void perform(state_read& r) {
    if (!value_->is_whole())
      return when_committed([this, again = r](const auto& why) mutable {
        if (why)
          return take(std::move(again));
        again.reply.delegate(context_.reader, state_atom_v, key_);
      });
    when_committed([this, again = r,
                    state = value_->empty() ? std::string{}
                                            : value_->value().encode()](const auto& why) mutable {
      why ? take(std::move(again)) : again.reply.deliver(std::move(state));
    });
  }

  /// Events that we numbered are not here any more, so their numbers might be used again: nothing
  /// is done until there is another id to number them under.
  void renew(const std::string& why) {
    if (std::exchange(is_renewing_, true))
      return;
    const auto over = [this] {
      is_renewing_ = false;
      go_on();
    };
    request(context_.disk, caf::infinite, renew_atom_v, context_.replica, why)
        .then(
            [this, over](const crdt::replica_id& fresh) {
              context_.replica = fresh;
              over();
            },
            [over](const caf::error&) { over(); }); // nor can anything be written then
  }

  // -- the disk --

  /// Told of an error, or of none.
  using finish = std::function<void(const caf::error& why)>;

  storage::batch* changes_for_disk(storage::batch& changed) {
    return context_.disk ? &changed : nullptr;
  }

  /// Calls `then` once all changes so far are committed, or one of them cannot be.
  template <class Finish>
  void when_committed(Finish then) {
    if (committing_.empty())
      then(caf::error{});
    else
      committing_.back().push_back(std::move(then));
  }

  /// `own`: it numbers an event of this node.
  template <class Finish>
  void commit(storage::batch changed, bool own, Finish then) {
    count_bytes();
    if (!context_.disk)
      return then(caf::error{});
    committing_.emplace_back().push_back(std::move(then));
    const auto failed = [this, life = life_](const caf::error& why) { lost(life, why); };
    if (own)
      request(context_.disk, caf::infinite, apply_atom_v, std::move(changed))
          .then(
              [this, life = life_](std::uint64_t own_changes) {
                own_changes_ = own_changes;
                committed(life);
              },
              failed);
    else
      request(context_.disk, caf::infinite, commit_atom_v, std::move(changed))
          .then([this, life = life_] { committed(life); }, failed);
  }

  void committed(std::uint64_t life) {
    if (life != life_)
      return;
    const auto told = std::move(committing_.front());
    committing_.pop_front();
    for (const auto& then : told)
      then(caf::error{});
    if (committing_.empty() && !is_busy() && value_->bytes() > context_.whole_bytes) {
      value_->let_go();
      count_bytes();
    }
  }

  /// A change could not be committed, and none after it can: what is in memory is no longer true.
  void lost(std::uint64_t life, const caf::error& why) {
    if (life != life_)
      return;
    ++life_;
    value_.reset();
    count_bytes();
    for (const auto& changes : std::exchange(committing_, {}))
      for (const auto& then : changes)
        then(why);
  }

  // -- sleep --

  caf::result<rested_key> rest() {
    if (is_busy() || !committing_.empty())
      return rested_key{};
    rested_key result{true, {}};
    if (!context_.disk && !value_->empty())
      result.state = value_->value().encode();
    quit();
    return result;
  }

  void count_bytes() {
    const auto now = value_ ? static_cast<std::int64_t>(value_->bytes()) : 0;
    if (context_.awake_bytes != nullptr)
      context_.awake_bytes->inc(now - counted_bytes_);
    counted_bytes_ = now;
  }

  crdt::key key_;
  key_context context_;
  std::optional<storage::held_value> value_; // nothing until it is loaded
  bool is_loading_ = false;
  bool is_renewing_ = false;
  std::deque<job> waiting_;
  std::deque<std::vector<finish>> committing_; // for each change on its way to the disk
  std::uint64_t life_ = 0;                     // of the value in memory
  std::uint64_t own_changes_ = 0;              // of this node, by its last answer
  std::int64_t counted_bytes_ = 0;
};

} // namespace

key_actor spawn_key(caf::actor_system& sys, crdt::key key, const key_context& context,
                    std::string state) {
  return sys.spawn<key_impl, caf::lazy_init>(std::move(key), context, std::move(state));
}

} // namespace starling::actors
