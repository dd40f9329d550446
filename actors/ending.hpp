#pragma once

// Ending actors at a stop of the node.
//
// An exit message stands in the mailbox behind all that came before it, and an actor that nobody
// refers to any more still works off what its mailbox holds. Nothing that waits there was answered,
// so at a stop all of it may be dropped.

#include "actors/awaited.hpp"

#include <caf/abstract_actor.hpp>
#include <caf/actor_addr.hpp>
#include <caf/actor_cast.hpp>
#include <caf/actor_control_block.hpp>
#include <caf/exit_reason.hpp>
#include <caf/make_message.hpp>
#include <caf/message_id.hpp>
#include <caf/message_priority.hpp>
#include <caf/system_messages.hpp>

namespace starling::actors {

/// Ends an actor after the few messages that it is about to handle, whatever else waits in its
/// mailbox. Whoever waits for its answers gets an error.
template <class Handle>
void end_before_the_rest(const Handle& actor) {
  const auto to = caf::actor_cast<caf::strong_actor_ptr>(actor);
  to->enqueue(nullptr, caf::make_message_id(caf::message_priority::high),
              caf::make_message(caf::exit_msg{caf::actor_cast<caf::actor_addr>(actor),
                                              caf::exit_reason::user_shutdown}),
              nullptr);
}

/// Waits until an actor has ended. From a thread, not from an actor.
template <class Handle>
void wait_for_end(const Handle& actor) {
  awaited<bool> ended;
  caf::actor_cast<caf::strong_actor_ptr>(actor)->get()->attach_functor(
      [tell = ended.receiver()] { tell(true); });
  ended.wait();
}

} // namespace starling::actors
