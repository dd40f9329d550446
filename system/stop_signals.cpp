#include "system/stop_signals.hpp"

#include "system/log.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace starling::system {

namespace {

constexpr std::array stopping{SIGTERM, SIGINT, SIGQUIT, SIGPWR, SIGXCPU};

void ignore(int number) {
  struct sigaction action {};
  action.sa_handler = SIG_IGN;
  ::sigaction(number, &action, nullptr);
}

} // namespace

stop_signals::stop_signals() {
  sigemptyset(&signals_);
  for (const int one : stopping)
    sigaddset(&signals_, one);
  // What was blocked by whoever started this process is not ours.
  pthread_sigmask(SIG_SETMASK, &signals_, nullptr);
  for (const int one : {SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGPOLL,
                        SIGSTKFLT, SIGXFSZ})
    ignore(one);
  for (int one = SIGRTMIN; one <= SIGRTMAX; ++one)
    ignore(one);
  signal_descriptor_ = ::signalfd(-1, &signals_, SFD_CLOEXEC | SFD_NONBLOCK);
  wake_descriptor_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  thread_ = std::thread{[this] { listen(); }};
}

stop_signals::~stop_signals() {
  stop_listening();
  ::close(signal_descriptor_);
  ::close(wake_descriptor_);
}

void stop_signals::wait() {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return is_awake_; });
}

bool stop_signals::wait_for(std::chrono::milliseconds most) {
  std::unique_lock lock{mutex_};
  return changed_.wait_for(lock, most, [this] { return is_awake_; });
}

void stop_signals::wake() {
  const std::lock_guard guard{mutex_};
  is_awake_ = true;
  changed_.notify_all();
}

int stop_signals::told_by() const {
  const std::lock_guard guard{mutex_};
  return told_by_;
}

void stop_signals::bound_stop(std::optional<std::chrono::milliseconds> most, int status) {
  {
    const std::lock_guard guard{mutex_};
    bound_ = most;
    bounded_ = clock::now();
    status_ = status;
  }
  ::eventfd_write(wake_descriptor_, 1);
}

void stop_signals::stop_listening() {
  if (!thread_.joinable())
    return;
  {
    const std::lock_guard guard{mutex_};
    is_over_ = true;
  }
  ::eventfd_write(wake_descriptor_, 1);
  thread_.join();
}

void stop_signals::listen() {
  while (true) {
    std::array<pollfd, 2> events{{{wake_descriptor_, POLLIN, 0}, {signal_descriptor_, POLLIN, 0}}};
    ::poll(events.data(), events.size(), milliseconds_left());
    eventfd_t ignored = 0;
    ::eventfd_read(wake_descriptor_, &ignored);
    {
      const std::lock_guard guard{mutex_};
      if (is_over_)
        return;
    }
    if (events[1].revents != 0)
      take_one();
    end_if_overdue();
  }
}

void stop_signals::take_one() {
  signalfd_siginfo one{};
  if (::read(signal_descriptor_, &one, sizeof one) != sizeof one)
    return;
  const std::lock_guard guard{mutex_};
  if (told_by_ != 0)
    return;
  told_by_ = static_cast<int>(one.ssi_signo);
  told_ = clock::now();
  is_awake_ = true;
  changed_.notify_all();
}

/// Until the bound is over; -1 without one.
int stop_signals::milliseconds_left() const {
  const std::lock_guard guard{mutex_};
  if (told_by_ == 0 || !bound_)
    return -1;
  const auto left = std::max(told_, bounded_) + *bound_ - clock::now();
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::clamp<std::int64_t>(ms, 0, 60'000));
}

void stop_signals::end_if_overdue() {
  if (milliseconds_left() != 0)
    return;
  int status = 0;
  {
    const std::lock_guard guard{mutex_};
    status = status_;
  }
  constexpr std::chrono::milliseconds for_the_log{500};
  log::warn("main", "the stop takes too long: this process ends now, as a kill would end it");
  log::flush(for_the_log);
  ::_exit(status);
}

} // namespace starling::system
