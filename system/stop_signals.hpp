#pragma once

// The signals of a daemon: some tell it to stop in order, and none but those of a fault ends it
// otherwise.
//
// SIGTERM, SIGINT, SIGQUIT, SIGPWR and SIGXCPU tell the process to stop. All others that would end
// it are ignored: SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2, the timers' and real-time signals. SIGSEGV,
// SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT and SIGSYS say that the program is wrong and keep their
// meaning, as do those of job control.
//
// The process tells itself to wake by a condition variable. So no signal that others may send is
// taken for its own word.

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <optional>
#include <thread>

namespace starling::system {

class stop_signals {
public:
  /// Blocks the stop signals in this thread and those that it starts, and ignores the others. Call
  /// it before other threads exist. A stop signal that came before, or is inherited as pending,
  /// counts.
  stop_signals();

  stop_signals(const stop_signals&) = delete;
  stop_signals& operator=(const stop_signals&) = delete;

  /// As `stop_listening`.
  ~stop_signals();

  /// Blocks until a stop signal has come or `wake` was called.
  void wait();

  /// The same for so long at most; whether one of both has happened.
  bool wait_for(std::chrono::milliseconds most);

  /// Ends the wait. From any thread.
  void wake();

  /// The first stop signal that has come, 0 if none has. Further ones change nothing.
  int told_by() const;
  bool is_told() const { return told_by() != 0; }

  /// Bounds how long a stop may take: `most` after the first stop signal, or after this call if
  /// that is later, the process ends at once, as a kill would end it, with `status`. Without a
  /// bound it does not. The last call counts.
  void bound_stop(std::optional<std::chrono::milliseconds> most, int status);

  /// A stop signal that comes from now on stays pending, so that the program that this process
  /// becomes by `exec` gets it. Idempotent.
  void stop_listening();

private:
  using clock = std::chrono::steady_clock;

  void listen();
  void take_one();
  int milliseconds_left() const;
  void end_if_overdue();

  sigset_t signals_{};
  int signal_descriptor_ = -1;
  int wake_descriptor_ = -1; // of the thread that listens
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool is_awake_ = false;
  bool is_over_ = false;
  int told_by_ = 0;
  clock::time_point told_; // when
  std::optional<std::chrono::milliseconds> bound_;
  clock::time_point bounded_; // when `bound_` was set
  int status_ = 0;            // to end with when the bound is over
  std::thread thread_;
};

} // namespace starling::system
