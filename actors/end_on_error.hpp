#pragma once

// How an actor dies of an error: with a message, and the process with it.
//
// A key or gossip actor that went away quietly would be followed by an empty one under the same
// replica id, which would number other events with the same numbers. No error is worth that: the
// process ends at once. Whoever starts it again goes on with what is on the disk, or without one
// under a new id.

#include <caf/error.hpp>
#include <caf/scheduled_actor.hpp>

#include <exception>
#include <string>
#include <string_view>

namespace starling::actors {

/// Logs who died of what, and ends the process without any further step. Waits a second at most for
/// somebody to take the log's lines.
[[noreturn]] void end_process(std::string_view who, std::string_view why);

std::string describe(const std::exception_ptr& thrown);

/// Ends the process when the actor throws, or receives an error that nobody waits for.
template <class Actor>
void end_process_on_error(Actor* self) {
  self->set_exception_handler([self](std::exception_ptr& thrown) -> caf::error {
    end_process(self->name(), describe(thrown));
  });
  self->set_error_handler(
      [](caf::scheduled_actor* me, caf::error& why) { end_process(me->name(), to_string(why)); });
}

} // namespace starling::actors
