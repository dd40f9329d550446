#pragma once

// The whole of a simulator but for what it simulates: runs seeds, says which ones failed and how to
// run them again, and how often each invariant was put to the test.
//
// A World is made from `run_options`; `run` lets everything happen, and then `log`, `faults`,
// `nodes`, `events`, `now` and `was_hopeless` tell of it.

#include "sim/command_line.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <iomanip>
#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <unistd.h>
#include <vector>

namespace starling::simulation {

template <class World>
class simulator {
public:
  /// `name` is what `./dev sim` knows it by.
  explicit simulator(std::string_view name) : name_(name) {}

  /// The status to end the process with.
  int main(const std::vector<std::string>& words) {
    for (const int signal : {SIGABRT, SIGFPE, SIGSEGV})
      std::signal(signal, say_seed_and_end);
    const auto wanted = read_command_line(words);
    if (!wanted) {
      std::cerr << usage(name_);
      return 2;
    }
    if (wanted->list) {
      for (std::size_t i = 0; i < fault_kinds; ++i)
        std::cout << to_string(static_cast<fault_kind>(i)) << '\n';
      return 0;
    }
    return run(*wanted);
  }

private:
  int run(const command_line& wanted) {
    std::cout << std::unitbuf; // so that what was found is seen should a later seed hang
    const auto begin = std::chrono::steady_clock::now();
    std::uint64_t failed = 0;
    std::uint64_t events = 0;
    std::uint64_t hash = 0;
    duration lived{0};
    std::uint64_t done = 0;
    std::uint64_t hopeless = 0;
    std::map<std::string_view, std::uint64_t> weighed;
    for (; done < wanted.seeds && !(wanted.until_failure && failed > 0); ++done) {
      run_options options{.seed = wanted.from + done,
                          .nodes = wanted.nodes,
                          .without = wanted.without,
                          .telling = wanted.trace ? chronicle::telling::everything
                                                  : chronicle::telling::nothing};
      running_seed_ = options.seed;
      World w{options};
      w.run();
      events += w.events();
      hash = scramble(hash ^ w.log().hash());
      lived += w.now();
      for (const auto& [invariant, times] : w.log().weighed())
        weighed[invariant] += times;
      hopeless += w.was_hopeless() ? 1 : 0;
      if (!w.log().first())
        continue;
      ++failed;
      if (wanted.trace) {
        tell_breach(options, w);
        tell_how_to_replay(options);
      } else {
        explain(options, wanted.shrink);
      }
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    const std::chrono::duration<double, std::ratio<3600>> virtual_time = lived;
    std::cout << done - failed << " seeds ok, " << failed << " failed, " << events
              << " events, trace " << std::hex << std::setw(16) << std::setfill('0') << hash
              << std::dec << ", " << std::fixed << std::setprecision(1) << virtual_time.count()
              << " hours in " << took.count() << " seconds\n";
    std::cout << "put to the test:";
    for (const auto& [invariant, times] : weighed)
      std::cout << ' ' << invariant << ' ' << times;
    std::cout << '\n';
    if (hopeless > 0)
      std::cout << hopeless << " of them ended with somebody whom no seed could bring back\n";
    return (failed == 0) != wanted.until_failure ? 0 : 1;
  }

  /// Runs a failed seed once more to tell its story.
  void explain(run_options options, bool smallest) {
    if (smallest)
      options = shrink(options);
    options.telling = chronicle::telling::last_lines;
    World again{options};
    again.run();
    for (const auto& line : again.log().last_lines())
      std::cout << "    " << line << '\n';
    tell_breach(options, again);
    std::cout << "  faults: " << names_of(kinds_in(again)) << '\n';
    tell_how_to_replay(options);
  }

  /// Switches kinds of faults off, one after the other, as long as the seed still fails.
  static run_options shrink(run_options options) {
    World first{options};
    first.run();
    const auto present = kinds_in(first);
    for (std::size_t i = 0; i < fault_kinds; ++i) {
      if (!present[i])
        continue;
      auto fewer = options;
      fewer.without.set(i);
      World again{fewer};
      again.run();
      if (again.log().first())
        options = fewer;
    }
    return options;
  }

  static fault_mask kinds_in(const World& w) {
    fault_mask result;
    for (const auto& f : w.faults())
      result.set(static_cast<std::size_t>(f.kind));
    return result;
  }

  static void tell_breach(const run_options& options, const World& failed) {
    const auto& b = *failed.log().first();
    std::cout << "seed " << options.seed << ", " << failed.nodes() << " nodes, at " << to_text(b.at)
              << " s: " << b.invariant << " does not hold at " << b.node << ": " << b.what << '\n';
  }

  void tell_how_to_replay(const run_options& options) const {
    std::cout << "  replay: ./dev sim " << name_ << " --seed " << options.seed << " --trace";
    if (options.nodes)
      std::cout << " --nodes " << *options.nodes;
    if (options.without.any())
      std::cout << " --without " << names_of(options.without);
    std::cout << '\n';
  }

  static void say_seed_and_end(int signal) {
    char text[80] = "seed ";
    char* end = std::to_chars(text + 5, text + 40, running_seed_).ptr;
    constexpr std::string_view rest = ": the process fell over\n";
    end = std::copy(rest.begin(), rest.end(), end);
    std::ignore = write(2, text, static_cast<std::size_t>(end - text));
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }

  /// The seed that runs now, for when a bug ends the process.
  static inline std::uint64_t running_seed_ = 0;

  std::string name_;
};

} // namespace starling::simulation
