#pragma once

// Asks actors on behalf of a peer, from a thread of the peers' listener, and waits for the answer.

#include "actors/types.hpp"
#include "http/api/reply.hpp"

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace starling::http {

/// A refusal in one line.
inline response refuse_call(int status, std::string_view why) {
  return {status, "text/plain; charset=utf-8", std::string{why}.append("\n"), {}};
}

struct asker {
  caf::actor_system& sys;
  std::chrono::milliseconds timeout;

  /// What an actor answers, or the refusal that the peer gets instead.
  template <class T, class Actor, class... Ts>
  std::variant<T, response> ask(const Actor& to, Ts&&... message) const;
};

template <class T, class Actor, class... Ts>
std::variant<T, response> asker::ask(const Actor& to, Ts&&... message) const {
  std::variant<T, response> result;
  caf::scoped_actor self{sys}; // one for each message: a late answer goes with it
  self->request(to, timeout, std::forward<Ts>(message)...)
      .receive([&](T& told) { result = std::move(told); },
               [&](const caf::error& why) {
                 if (why == actors::errc::bad_message)
                   result = refuse_call(400, actors::reason_of(why));
                 else if (why == actors::errc::unreachable || actors::is_of_disk(why))
                   result = refuse_call(503, actors::reason_of(why));
                 else
                   result = refuse_call(503, "no answer in time");
               });
  return result;
}

} // namespace starling::http
