#include "actors/key.hpp"

#include "actors/last_words.hpp"
#include "replication/digested_value.hpp"

#include <caf/send.hpp>
#include <caf/spawn_options.hpp>
#include <caf/typed_event_based_actor.hpp>

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

class key_impl : public key_actor::base {
public:
  key_impl(caf::actor_config& cfg, crdt::key key, const key_context& context)
      : key_actor::base(cfg), key_(std::move(key)), context_(context), value_(key_) {
    end_process_on_error(this);
  }

  const char* name() const override { return "key"; }

  void on_exit() override { context_.gossip = nullptr; }

  behavior_type make_behavior() override {
    return {
        [this](apply_atom, const crdt::command& c) { return apply(c); },
        [this](read_atom, const crdt::query& q) { return read(q); },
        [this](join_atom, const crdt::value& part) {
          auto news = value_.join(key_, part, context_.digests);
          return novelty{std::move(news), value_.digest()};
        },
        [this](state_atom) { return value().empty() ? std::string{} : value().encode(); },
    };
  }

private:
  const crdt::value& value() const { return value_.value(); }

  caf::result<crdt::view> apply(const crdt::command& c) {
    if (crdt::can_grow(c) && value().footprint() > context_.value_bytes_max)
      return errc::value_too_large;
    auto outcome = value_.apply(key_, c, context_.replica, context_.now(), context_.digests);
    if (const auto* why = std::get_if<crdt::refusal>(&outcome))
      return to_error(*why);
    if (auto& delta = std::get<std::optional<crdt::value>>(outcome))
      caf::anon_send(context_.gossip, delta_atom_v, key_,
                     novelty{std::move(*delta), value_.digest()});
    return crdt::view_of(value(), c);
  }

  caf::result<crdt::view> read(const crdt::query& q) const {
    if (value().empty())
      return errc::no_such_key;
    return crdt::view_of(value(), q);
  }

  crdt::key key_;
  key_context context_;
  replication::digested_value value_;
};

} // namespace

key_actor spawn_key(caf::actor_system& sys, crdt::key key, const key_context& context) {
  return sys.spawn<key_impl, caf::lazy_init>(std::move(key), context);
}

} // namespace starling::actors
