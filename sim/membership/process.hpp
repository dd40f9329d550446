#pragma once

// One process of a simulated cluster: a membership core, its clock, and when inputs reach it.
//
// Inputs wait in a mailbox while the process is paused, asleep or busy; while only its I/O is
// blocked they wait outside, and so does what it sends, but its timers run on. A tick is due when
// the core says so, by the clock of the process, and comes after all that waits in the mailbox by
// then.

#include "membership/swim.hpp"
#include "sim/network.hpp"
#include "sim/timeline.hpp"
#include "wire/call_guard.hpp"

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace starling::simulation {

/// What a core is given, and when: for the checks. `other` is not for the core, but for what else
/// runs in the process.
enum class input_kind : std::uint8_t { tick, datagram, request, answer, command, other };

struct input {
  input_kind kind = input_kind::command;
  const datagram* packet = nullptr; // for a datagram
};

class process {
public:
  struct birth {
    std::size_t number = 0;  // of all processes of the run
    std::size_t machine = 0; // where it runs
    std::size_t cluster = 0;
    address where;
    membership::identity self;
    std::vector<std::string> seeds;
    std::uint64_t random_seed = 0;
    double clock_rate = 1;
    duration clock_start{0};
  };

  /// `done` is called after each input of the core, with what it was.
  process(timeline& time, const birth& b, const membership::settings& s, const wire::secret& secret,
          std::function<void(process&, const input&)> done);

  // Events refer to the process.
  process(const process&) = delete;
  process& operator=(const process&) = delete;

  membership::swim core;
  const birth born;
  address where;

  bool is_running() const { return running_; }
  void stop();

  /// Its own time.
  duration clock() const;

  // -- inputs --

  /// What is answered to a call that arrives. Requires: it is called while an input is handled.
  std::optional<std::string> answer(membership::call_kind kind, std::string_view call);

  /// Something arrives from outside.
  void arrives(input what, std::function<void()> handle);

  /// A datagram arrives; with too many waiting it is lost.
  void arrives(const datagram& d, std::function<void()> handle);

  /// A timer of its own ends, or a command is given.
  void happens(input what, std::function<void()> handle);

  /// Something leaves.
  void departs(std::function<void()> send);

  // -- mischief --

  void pause(duration length);
  void block_io(duration length);
  void sleep(duration length);
  void slow_down(duration each_input, duration length);

  bool is_paused() const { return time_.now() < paused_until_; }
  bool is_io_blocked() const { return time_.now() < io_blocked_until_; }

  /// It ends as soon as it has left the cluster.
  bool leaves_for_good = false;

  /// Calls under way, by token.
  std::map<std::uint64_t, membership::call_kind> calls;

private:
  struct waiting {
    input what;
    datagram packet;
    std::function<void()> handle;
  };

  void enqueue(waiting w);
  void drain();
  void schedule_tick();
  void tick_is_due();
  duration global(duration local) const;

  timeline& time_;
  std::function<void(process&, const input&)> done_;
  wire::call_guard guard_;
  bool running_ = true;
  bool is_core_spared_ = false; // the input that is handled does not reach it

  duration anchor_global_;
  duration anchor_local_;

  std::deque<waiting> mailbox_;
  std::deque<waiting> outside_;
  std::deque<std::function<void()>> unsent_;
  bool asleep_ = false;
  bool tick_missed_ = false;
  bool tick_waits_ = false;
  std::uint64_t tick_number_ = 0;
  std::uint64_t drain_number_ = 0;
  duration paused_until_{0};
  duration io_blocked_until_{0};
  duration slow_until_{0};
  duration cost_{0};
  duration busy_until_{0};
};

} // namespace starling::simulation
