#pragma once

// Asks an actor from a thread, and waits for its answer (awaited.hpp).

#include "actors/awaited.hpp"
#include "actors/reply_to.hpp"
#include "wire/result.hpp"

#include <caf/actor_system.hpp>
#include <caf/error.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/sec.hpp>

#include <type_traits>
#include <utility>

namespace starling::actors {

/// What an actor answers, or why it does not. For a request that is answered by nothing, T is
/// std::monostate.
template <class T>
using told = wire::result<T, caf::error>;

/// Asks on behalf of a thread, which waits for what it returns. An actor of its own asks, and ends
/// with the answer.
template <class T, class Actor, class... Ts>
awaited<told<T>> begin_to_ask(caf::actor_system& sys, const Actor& to, Ts... message) {
  awaited<told<T>> result;
  reply_to<told<T>> reply{result.receiver(), caf::make_error(caf::sec::broken_promise)};
  sys.spawn([to, reply = std::move(reply),
             ... xs = std::move(message)](caf::event_based_actor* self) mutable {
    auto failed = [reply](caf::error& why) mutable { reply(std::move(why)); };
    auto asked = self->request(to, caf::infinite, std::move(xs)...);
    if constexpr (std::is_same_v<T, std::monostate>)
      asked.then([reply]() mutable { reply(T{}); }, std::move(failed));
    else
      asked.then([reply](T& answer) mutable { reply(std::move(answer)); }, std::move(failed));
  });
  return result;
}

/// Asks an actor, and waits as long as it takes.
template <class T, class Actor, class... Ts>
told<T> ask(caf::actor_system& sys, const Actor& to, Ts... message) {
  return begin_to_ask<T>(sys, to, std::move(message)...).wait();
}

/// The same for a while. Who has not answered by then has the message all the same.
template <class T, class Actor, class... Ts>
told<T> ask_for(std::chrono::nanoseconds most, caf::actor_system& sys, const Actor& to,
                Ts... message) {
  if (auto came = begin_to_ask<T>(sys, to, std::move(message)...).wait_for(most))
    return std::move(*came);
  return caf::make_error(caf::sec::request_timeout);
}

} // namespace starling::actors
