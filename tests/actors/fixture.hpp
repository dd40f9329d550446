#pragma once

// Actors under test, one message at a time and on a clock that only the test moves.
//
// Nothing runs by itself: `settle` lets the actors work until none has anything to do, `advance`
// moves the clock from one due timer to the next, settling after each. No thread, no sleep, no real
// time. What a test spawns through `track` is killed at its end.

#include "actors/interfaces.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace starling::actors {

/// What became of a request. While it is under way there is neither value nor error.
template <class T>
struct outcome {
  std::optional<T> value;
  caf::error error;

  bool is_pending() const { return !value && !error; }
};

class actor_test : public ::testing::Test {
protected:
  actor_test();
  ~actor_test() override;

  template <class Handle>
  Handle track(Handle actor) {
    tracked_.push_back(caf::actor_cast<caf::strong_actor_ptr>(actor));
    return actor;
  }

  void settle();
  void advance(std::chrono::milliseconds time);

  /// Nobody does anything meanwhile: for what blocks.
  void let_time_pass(std::chrono::microseconds time) { scheduler_.clock().current_time += time; }

  /// Sends what is answered by nothing, and settles.
  template <class Handle, class... Ts>
  void tell(const Handle& actor, Ts&&... message) {
    caf::anon_send(actor, std::forward<Ts>(message)...);
    settle();
  }

  /// Sends a request and settles; it may be answered later. Writes and joins go to shards and keys
  /// in batches of one.
  template <class T, class Handle, class... Ts>
  std::shared_ptr<const outcome<T>> start_asking(const Handle& actor, Ts&&... message) {
    auto result = std::make_shared<outcome<T>>();
    if constexpr (takes_slots<Handle, std::decay_t<Ts>...>)
      send_slot<T>(actor, result, std::forward<Ts>(message)...);
    else
      sys.spawn([result, actor, ... xs = std::forward<Ts>(message)](caf::event_based_actor* self) {
        self->request(actor, caf::infinite, xs...)
            .then([result](T& value) { result->value = std::move(value); },
                  [result](caf::error& why) { result->error = std::move(why); });
      });
    settle();
    return result;
  }

  /// The answer to a request; fails the test without one.
  template <class T, class Handle, class... Ts>
  T ask(const Handle& actor, Ts&&... message) {
    const auto result = start_asking<T>(actor, std::forward<Ts>(message)...);
    if (result->value)
      return *result->value;
    ADD_FAILURE() << (result->error ? to_string(result->error) : "no answer");
    return T{};
  }

  /// The error that a request for a T ended with; fails the test without one.
  template <class T, class Handle, class... Ts>
  caf::error ask_error(const Handle& actor, Ts&&... message) {
    const auto result = start_asking<T>(actor, std::forward<Ts>(message)...);
    EXPECT_TRUE(result->error) << (result->value ? "an answer" : "nothing")
                               << " instead of an error";
    return result->error;
  }

private:
  template <class Handle, class Atom, class...>
  static constexpr bool
      takes_slots = (std::is_same_v<Handle, shard_actor> ||
                     std::is_same_v<Handle, key_actor>)&&(std::is_same_v<Atom, apply_atom> ||
                                                          std::is_same_v<Atom, join_atom>);

  template <class T, class Atom, class What>
  static void send_slot(const shard_actor& to, const std::shared_ptr<outcome<T>>& result, Atom atom,
                        const crdt::key& key, What what) {
    std::vector slots{make_slot(result, atom, key, std::move(what))};
    caf::anon_send(to, atom, std::move(slots));
  }

  template <class T, class Atom, class What>
  static void send_slot(const key_actor& to, const std::shared_ptr<outcome<T>>& result, Atom atom,
                        What what) {
    caf::anon_send(to, atom, make_slot(result, atom, {}, std::move(what)));
  }

  template <class T, class Atom, class What>
  static auto make_slot(const std::shared_ptr<outcome<T>>& result, Atom, const crdt::key& key,
                        What what) {
    using batch = std::conditional_t<std::is_same_v<Atom, apply_atom>, write_batch, join_batch>;
    std::vector<typename batch::order_type> orders;
    orders.push_back({key, std::move(what)});
    return typename batch::slot{
        std::make_shared<batch>(std::move(orders),
                                [result](batch& done) { take_outcome(*result, done); }),
        0};
  }

  template <class T, class Batch>
  static void take_outcome(outcome<T>& to, Batch& done) {
    auto& came = done.outcomes().front();
    if (auto* value = std::get_if<T>(&came))
      to.value = std::move(*value);
    else if (auto* why = std::get_if<caf::error>(&came))
      to.error = std::move(*why);
    else
      to.error = caf::sec::request_receiver_down;
  }

  struct config : caf::actor_system_config {
    config();
  };

  const bool types_are_registered_; // before `config_` exists
  config config_;

protected:
  /// A write that nobody waits for.
  static write_slot slot_for(const crdt::command& what, const crdt::key& key = {}) {
    return make_slot(std::make_shared<outcome<crdt::view>>(), apply_atom_v, key, what);
  }

  caf::actor_system sys;

private:
  caf::scheduler::test_coordinator& scheduler_;
  std::vector<caf::strong_actor_ptr> tracked_;
};

/// A peer client that posts nothing: it keeps what it is asked to post and answers by a script, or
/// later, when the test says so.
class fake_peers {
public:
  struct post {
    std::string address;
    std::string path;
    std::string body;
    friend bool operator==(const post&, const post&) = default;
  };

  /// What the peer answers, or why it does not; nothing to leave the request waiting.
  using reply = std::variant<std::monostate, std::string, caf::error>;
  using script = std::function<reply(const post&)>;

  explicit fake_peers(caf::actor_system& sys);

  const peer_client_actor& handle() const { return handle_; }

  /// How posts from now on are answered; at first they wait.
  void answer_by(script s) { state_->answers = std::move(s); }

  /// All posts so far, in order.
  const std::vector<post>& posts() const { return state_->posts; }
  std::vector<std::string> addresses() const;

  /// Answers the post of that index, which waits. Settle afterwards.
  void answer(std::size_t index, reply r);

private:
  // Answers a waiting post.
  using controlled_actor = peer_client_actor::extend<caf::result<void>(std::uint64_t, std::string),
                                                     caf::result<void>(std::uint64_t, caf::error)>;

  struct state {
    std::vector<post> posts;
    std::vector<caf::typed_response_promise<std::string>> promises; // one for each post
    script answers;
  };

  static controlled_actor::behavior_type behave(controlled_actor::pointer self,
                                                std::shared_ptr<state> s);

  std::shared_ptr<state> state_ = std::make_shared<state>();
  controlled_actor controls_;
  peer_client_actor handle_;
};

/// A gossip actor that keeps what it is told.
class fake_gossip {
public:
  explicit fake_gossip(caf::actor_system& sys);

  const gossip_actor& handle() const { return handle_; }
  const std::vector<replication::item>& deltas() const { return state_->deltas; }

  /// Who sent the latest delta, if it was a peer.
  std::optional<replication::session_id> sender() const { return state_->sender; }

  /// Keys that said that they have news.
  const std::vector<crdt::key>& with_news() const { return state_->with_news; }
  const replication::digest& digest_of(const crdt::key& key) const {
    return state_->digests.at(key);
  }

  /// What it was told of members, in order: who may be gossiped with, and who is lost.
  const std::vector<gossip_peer>& peers() const { return state_->peers; }
  const std::vector<membership::node_id>& lost() const { return state_->lost; }

private:
  struct state {
    std::vector<replication::item> deltas;
    std::optional<replication::session_id> sender;
    std::vector<crdt::key> with_news;
    std::map<crdt::key, replication::digest> digests; // the latest
    std::vector<gossip_peer> peers;
    std::vector<membership::node_id> lost;
  };

  std::shared_ptr<state> state_ = std::make_shared<state>();
  gossip_actor handle_;
};

/// A membership actor that keeps what it is told.
class fake_membership {
public:
  explicit fake_membership(caf::actor_system& sys);

  const membership_actor& handle() const { return handle_; }

  /// Addresses where somebody else was than expected.
  const std::vector<std::string>& changed() const { return state_->changed; }
  const auto& holders() const { return state_->holders; } // sessions, and since when they keep it

  /// What it was told of messages to addresses, and whether they arrived.
  const std::vector<std::pair<std::string, bool>>& reached() const { return state_->reached; }

private:
  struct state {
    std::vector<std::string> changed;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> holders;
    std::vector<std::pair<std::string, bool>> reached;
  };

  std::shared_ptr<state> state_ = std::make_shared<state>();
  membership_actor handle_;
};

/// A resolver that knows some names, and one address for all others, or none.
class fake_resolver {
public:
  explicit fake_resolver(caf::actor_system& sys);

  const resolver_actor& handle() const { return handle_; }

  /// What names are from now on; without it none is found. At first there is none.
  void set(std::optional<membership::udp_address> address) { state_->address = address; }

  /// The same for one name.
  void set(const std::string& name, std::vector<membership::udp_address> addresses) {
    state_->names[name] = std::move(addresses);
  }

  /// The names that were looked up, in order.
  const std::vector<std::string>& asked() const { return state_->asked; }

private:
  struct state {
    std::optional<membership::udp_address> address;
    std::map<std::string, std::vector<membership::udp_address>> names;
    std::vector<std::string> asked;
  };

  std::shared_ptr<state> state_ = std::make_shared<state>();
  resolver_actor handle_;
};

/// Commands, by what they do.
crdt::command increment(std::int64_t amount);
crdt::command assign(std::string text);
crdt::command add(std::string member);
crdt::command remove(std::string member);

/// What bytes from an actor decode to; fails the test when they do not.
crdt::value decode_value(const std::string& bytes);
replication::message decode_message(const std::string& bytes);
replication::answer decode_answer(const std::string& bytes);

/// What a client sees of a counter of that value.
crdt::view counter_view(std::int64_t value);

/// The members that a view of a set shows.
std::vector<std::string> members_of(const crdt::view& view);

/// A record of a member that is alive at that address.
membership::member make_member(std::string address, std::uint64_t session);

/// The same member as one to gossip with.
gossip_peer make_peer(std::string address, std::uint64_t session);

} // namespace starling::actors
