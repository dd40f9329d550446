#pragma once

// The door for clients' requests, whatever protocol they come by: reads, writes, lists of keys and
// reports.
//
// Everything is asynchronous, and may be called from any thread. Each call is answered once, by
// calling `tell`: with a value, or with an error of one table (service_error.hpp). That happens in
// an actor, so `tell` must not wait. When the service ends, all that is under way is answered, too.

#include "actors/awaited.hpp"
#include "node/service_actor.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>

namespace starling::node {

class service {
public:
  template <class T>
  using done = std::function<void(outcome<T>)>;

  /// `patience` is how long clients are waited for.
  service(caf::actor_system& sys, const service_context& context,
          std::chrono::milliseconds patience);

  service(const service&) = delete;
  service& operator=(const service&) = delete;

  /// Ends the actor without waiting for that.
  ~service();

  void read(crdt::key key, crdt::query query, done<crdt::view> tell);

  /// Requires: the command is for the type of the key, and is one that `crdt::apply` takes. Parsers
  /// see to that: a counter, for example, cannot be changed by nothing.
  void write(crdt::key key, crdt::command command, done<crdt::view> tell);

  /// Several commands at once: the commands for one key are applied in the order given, and all are
  /// committed together as far as possible. Each succeeds or fails for itself; the answers come
  /// together, in the order of the commands. Calls that are under way at the same time are carried
  /// out in any order.
  void write(std::vector<write_order> orders, std::function<void(write_outcomes)> tell);

  void keys(crdt::key_query query, done<crdt::key_page> tell);

  void report(done<node_report> tell);

  /// From now on writes are refused as `leaving`. `tell` gets a yes when no write is under way any
  /// more, or a no if the service ends or takes writes again before that.
  void refuse_writes(std::function<void(bool)> tell);

  /// From now on writes are taken again.
  void take_writes();

  /// Waits for what comes of a request that `begin` makes: it is given what to be done with the
  /// answer. Does not wait longer than clients are waited for, nor for long once the node stops.
  template <class T, class Begin>
  outcome<T> wait_for(Begin begin) const;

  /// The same until no write is under way.
  void wait_until_writes_are_refused();

  /// Why clients should go to another node, by what a report said.
  std::optional<unreadiness> why_not_ready(const outcome<node_report>& report) const;

  /// From now on the node is not ready, and no thread waits for longer than a second. The listeners
  /// stop meanwhile.
  void begin_stop();

  /// Ends the actor. The listeners should have stopped. Idempotent.
  void stop();

private:
  using clock = std::chrono::steady_clock;

  std::chrono::milliseconds patience_;
  service_actor actor_;
  std::atomic<bool> is_stopping_ = false;
  std::atomic<clock::time_point> stop_at_{clock::time_point::max()}; // nobody waits any longer
};

template <class T, class Begin>
outcome<T> service::wait_for(Begin begin) const {
  constexpr std::chrono::milliseconds step{100}; // after which a stop is noticed
  actors::awaited<outcome<T>> answer;
  begin(answer.receiver());
  const auto deadline = clock::now() + patience_;
  for (auto now = clock::now();; now = clock::now()) {
    const auto end = std::min(deadline, stop_at_.load());
    if (auto came =
            answer.wait_for(std::clamp<clock::duration>(end - now, clock::duration{0}, step)))
      return std::move(*came);
    if (now >= end)
      return service_error::timed_out;
  }
}

} // namespace starling::node
