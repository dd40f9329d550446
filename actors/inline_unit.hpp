#pragma once

// Lets an actor run others itself, at once, in its own thread: a shard its keys.
//
// A message to an idle actor costs more to schedule than to handle, once there is one for each key.
// So while a unit collects, an actor that was idle is noted and not scheduled; `run` then lets each
// that was noted handle what is in its mailbox. One that was not idle runs elsewhere already, and
// handles its message there: so nothing may be taken for done because `run` has returned.

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/execution_unit.hpp>
#include <caf/make_message.hpp>
#include <caf/message_id.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <cstddef>
#include <utility>
#include <vector>

namespace starling::actors {

class inline_unit : public caf::execution_unit {
public:
  explicit inline_unit(caf::actor_system& sys) : caf::execution_unit(&sys) {}

  /// Sends a message that nobody answers to an actor, which handles it in `run` if it is idle.
  template <class Handle, class... Ts>
  void send(const Handle& to, Ts&&... message) {
    collects_ = true;
    caf::actor_cast<caf::abstract_actor*>(to)->enqueue(
        nullptr, caf::make_message_id(), caf::make_message(std::forward<Ts>(message)...), this);
    collects_ = false;
  }

  /// Lets those run that were idle when something was sent to them.
  void run() {
    for (std::size_t i = 0; i < jobs_.size(); ++i)
      resume(jobs_[i]);
    jobs_.clear();
  }

  /// What is sent by those that run goes to the scheduler.
  void exec_later(caf::resumable* job) override {
    if (collects_)
      jobs_.push_back(job);
    else
      system().scheduler().enqueue(job);
  }

private:
  // As many messages as the scheduler would let it handle at a time.
  static constexpr std::size_t messages_max = 300;

  void resume(caf::resumable* job) {
    switch (job->resume(this, messages_max)) {
    case caf::resumable::resume_later:
      system().scheduler().enqueue(job); // with the reference that came with it
      break;
    default:
      caf::intrusive_ptr_release(job);
    }
  }

  std::vector<caf::resumable*> jobs_; // a reference to each
  bool collects_ = false;
};

} // namespace starling::actors
