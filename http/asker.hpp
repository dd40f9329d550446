#pragma once

// Asks actors on behalf of a peer, from a thread of the peers' listener, and waits for the answer.

#include "actors/ask.hpp"
#include "actors/types.hpp"
#include "http/api/reply.hpp"

#include <caf/actor_system.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

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
  wire::result<T, response> ask(const Actor& to, Ts&&... message) const;
};

template <class T, class Actor, class... Ts>
wire::result<T, response> asker::ask(const Actor& to, Ts&&... message) const {
  auto came = actors::ask_for<T>(timeout, sys, to, std::forward<Ts>(message)...);
  if (came)
    return *std::move(came);
  const auto& why = came.error();
  if (why == actors::errc::bad_message)
    return refuse_call(400, actors::reason_of(why));
  if (why == actors::errc::unreachable || actors::is_of_disk(why))
    return refuse_call(503, actors::reason_of(why));
  return refuse_call(503, "no answer in time");
}

} // namespace starling::http
