#include "actors/membership.hpp"

#include "actors/last_words.hpp"
#include "actors/log.hpp"

#include <caf/disposable.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>

namespace starling::actors {

namespace {

class membership_impl : public membership_actor::base {
public:
  membership_impl(caf::actor_config& cfg, const membership_context& context)
      : membership_actor::base(cfg), peers_(context.peers),
        core_(context.self, context.options, context.random_seed, now()) {
    end_process_on_error(this);
  }

  const char* name() const override { return "membership"; }

  void on_exit() override {
    timer_.dispose();
    peers_ = nullptr;
    watcher_ = nullptr;
  }

  behavior_type make_behavior() override {
    return {
        [this](message_atom, const std::string& bytes) { return receive(bytes); },
        [this](watch_atom, gossip_actor& watcher) { watch(std::move(watcher)); },
        [this](contacted_atom, const std::string& address, std::uint64_t session) {
          core_.contacted(address, membership::session_id{session});
        },
        [this](unreachable_atom, const std::string& address) { core_.unreachable(address); },
        [this](peer_atom, const std::string& address) { perform(core_.call_on(address, now())); },
        [this](tick_atom) { perform(core_.tick(now())); },
        [this](report_atom) {
          return membership_report{core_.self(), core_.peers(), core_.unreached_seeds(),
                                   core_.has_joined()};
        },
    };
  }

private:
  using duration = membership::joiner::duration;

  duration now() { return std::chrono::duration_cast<duration>(clock().now().time_since_epoch()); }

  void watch(gossip_actor watcher) {
    watcher_ = std::move(watcher);
    for (const auto& peer : core_.peers())
      anon_send(watcher_, peer_atom_v, peer.record);
  }

  caf::result<std::string> receive(const std::string& bytes) {
    const auto decoded = membership::decode_announcement(bytes);
    if (const auto* error = std::get_if<wire::decode_error>(&decoded))
      return caf::make_error(errc::bad_message, std::string{error->what});
    perform(core_.received(std::get<membership::announcement>(decoded), now()));
    return announcement();
  }

  std::string announcement() const {
    wire::writer out;
    membership::encode(out, core_.announce());
    return std::move(out).take();
  }

  /// Every input may change what is due when, so each ends here.
  void perform(const membership::join_effects& effects) {
    for (const auto& effect : effects)
      std::visit([this](const auto& e) { perform(e); }, effect);
    timer_.dispose();
    timer_ = run_delayed(std::max(core_.next_tick() - now(), duration{0}),
                         [this] { perform(core_.tick(now())); });
  }

  void perform(const membership::push_pull& e) {
    request(peers_, caf::infinite, post_atom_v, e.address, std::string{join_path}, announcement())
        .then([this, address = e.address](const std::string& bytes) { synced(address, bytes); },
              [this, address = e.address](const caf::error& why) {
                if (why == errc::foreign_peer)
                  log::warn(name(), "{}: {}", address, reason_of(why));
                else
                  log::info(name(), "no answer from {}: {}", address, reason_of(why));
                perform(core_.sync_failed(address, now()));
              });
  }

  void synced(const std::string& address, const std::string& bytes) {
    const auto decoded = membership::decode_announcement(bytes);
    if (const auto* said = std::get_if<membership::announcement>(&decoded))
      return perform(core_.synced(address, *said, now()));
    log::warn(name(), "{} answered with something that is no announcement: {}", address,
              std::get<wire::decode_error>(decoded).what);
    perform(core_.sync_failed(address, now()));
  }

  void perform(const membership::peer_changed& e) {
    log::info(name(), "member {} at {}, node {}", e.peer.name, e.peer.address,
              to_string(e.peer.node));
    if (watcher_)
      anon_send(watcher_, peer_atom_v, e.peer);
  }

  void perform(const membership::address_conflict& e) {
    log::warn(name(), "{} is claimed by another process, {}; generation raised to {}",
              e.self.address, e.rival.name, e.self.generation);
  }

  peer_client_actor peers_;
  gossip_actor watcher_;
  membership::joiner core_;
  caf::disposable timer_;
};

} // namespace

membership_actor spawn_membership(caf::actor_system& sys, const membership_context& context) {
  return sys.spawn<membership_impl>(context);
}

} // namespace starling::actors
