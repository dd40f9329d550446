#include "system/stop_signals.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <optional>
#include <thread>
#include <unistd.h>

namespace starling::system {
namespace {

using namespace std::chrono_literals;

// A process of its own for each test, since signals and their masks belong to the whole of one.
class StopSignals : public testing::TestWithParam<int> {
protected:
  StopSignals() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  static void send(int number) { ::kill(::getpid(), number); }
  [[noreturn]] static void end(bool is_right) { std::_Exit(is_right ? 0 : 1); }
};

class SignalsToStop : public StopSignals {};
class SignalsToIgnore : public StopSignals {};

TEST_P(SignalsToStop, EndTheWaitAndNotTheProcess) {
  EXPECT_EXIT(
      {
        stop_signals signals;
        send(GetParam());
        signals.wait();
        send(GetParam()); // once more
        std::this_thread::sleep_for(20ms);
        end(signals.is_told());
      },
      testing::ExitedWithCode(0), "");
}

INSTANTIATE_TEST_SUITE_P(All, SignalsToStop,
                         testing::Values(SIGTERM, SIGINT, SIGQUIT, SIGPWR, SIGXCPU));

TEST_P(SignalsToIgnore, NeitherEndTheProcessNorTheWait) {
  EXPECT_EXIT(
      {
        stop_signals signals;
        send(GetParam());
        const bool is_awake = signals.wait_for(50ms);
        end(!is_awake && !signals.is_told());
      },
      testing::ExitedWithCode(0), "");
}

INSTANTIATE_TEST_SUITE_P(All, SignalsToIgnore,
                         testing::Values(SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM,
                                         SIGPROF, SIGIO, SIGSTKFLT, SIGXFSZ, SIGURG, SIGWINCH,
                                         SIGCHLD, SIGCONT, SIGRTMIN, SIGRTMIN + 3, SIGRTMAX));

TEST_F(StopSignals, AreNotNeededToWakeTheProcess) {
  EXPECT_EXIT(
      {
        stop_signals signals;
        std::thread other{[&] { signals.wake(); }};
        signals.wait();
        other.join();
        end(!signals.is_told());
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(StopSignals, CountWhenTheyWerePendingBefore) {
  EXPECT_EXIT(
      {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, nullptr); // as some who start processes leave it
        send(SIGTERM);
        stop_signals signals;
        signals.wait();
        sigset_t now;
        pthread_sigmask(SIG_SETMASK, nullptr, &now);
        end(signals.is_told() && sigismember(&now, SIGSEGV) == 0 &&
            sigismember(&now, SIGCHLD) == 0);
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(StopSignals, StayPendingForTheNextProgramOnceNobodyListens) {
  EXPECT_EXIT(
      {
        std::optional<stop_signals> signals{std::in_place};
        signals->stop_listening();
        send(SIGTERM);
        const bool was_told = signals->is_told();
        signals.reset();
        stop_signals of_the_next;
        of_the_next.wait();
        end(!was_told && of_the_next.is_told());
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(StopSignals, EndTheProcessWhenTheBoundIsOver) {
  EXPECT_EXIT(
      {
        stop_signals signals;
        signals.bound_stop(50ms, 3);
        std::this_thread::sleep_for(100ms); // counts for nothing: it was not told
        send(SIGTERM);
        std::this_thread::sleep_for(60s);
        end(false);
      },
      testing::ExitedWithCode(3), "");
}

TEST_F(StopSignals, LeaveTimeFromEachNewBoundOn) {
  EXPECT_EXIT(
      {
        stop_signals signals;
        signals.bound_stop(60s, 3);
        send(SIGTERM);
        signals.wait();
        signals.bound_stop(50ms, 4);
        std::this_thread::sleep_for(60s);
        end(false);
      },
      testing::ExitedWithCode(4), "");
  EXPECT_EXIT(
      {
        stop_signals signals;
        signals.bound_stop(60s, 3);
        send(SIGTERM);
        signals.wait();
        signals.bound_stop(std::nullopt, 4);
        std::this_thread::sleep_for(100ms);
        end(true);
      },
      testing::ExitedWithCode(0), "");
}

} // namespace
} // namespace starling::system
