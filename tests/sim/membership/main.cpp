// Random runs of whole clusters of membership cores, checked all the time.

#include "tests/sim/membership/world.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>
#include <iomanip>
#include <iostream>
#include <unistd.h>

namespace starling::simulation {
namespace {

constexpr const char* usage =
    R"(usage: sim_membership [OPTION...]

  --from M --seeds N     run the seeds M to M + N - 1 (default: from 1, 100 of them)
  --seed S [--trace]     run one seed, and tell all that happens
  --nodes N              of clusters of N nodes, 2 to 256 (default: drawn from 2 to 16)
  --without KIND,KIND    without some kinds of faults
  --shrink               name the fewest kinds with which a seed that fails still does
  --until-failure        end with status 0 when a seed fails, with 1 if none does
  --list                 the kinds of faults

Status 0: all that must hold did.
)";

struct command_line {
  std::uint64_t from = 1;
  std::uint64_t seeds = 100;
  std::optional<std::size_t> nodes;
  fault_mask without;
  bool trace = false;
  bool shrink = false;
  bool until_failure = false;
};

/// The seed that runs now, for when a bug ends the process.
std::uint64_t running_seed = 0;

void say_seed_and_end(int signal) {
  char text[80] = "seed ";
  char* end = std::to_chars(text + std::strlen(text), text + 40, running_seed).ptr;
  constexpr std::string_view rest = ": the process fell over\n";
  end = std::copy(rest.begin(), rest.end(), end);
  std::ignore = write(2, text, static_cast<std::size_t>(end - text));
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

template <class Number>
bool read_number(std::string_view text, Number& result) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), result);
  return read.ec == std::errc{} && read.ptr == text.data() + text.size();
}

bool read_kinds(std::string_view text, fault_mask& result) {
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const auto kind = fault_kind_named(text.substr(0, comma));
    if (!kind)
      return false;
    result.set(static_cast<std::size_t>(*kind));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return true;
}

std::optional<command_line> read_command_line(const std::vector<std::string>& words) {
  command_line result;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto& word = words[i];
    if (word == "--trace") {
      result.trace = true;
    } else if (word == "--shrink") {
      result.shrink = true;
    } else if (word == "--until-failure") {
      result.until_failure = true;
    } else if (i + 1 == words.size()) {
      return std::nullopt;
    } else {
      const auto& value = words[++i];
      std::size_t nodes = 0;
      if (word == "--seed" && read_number(value, result.from)) {
        result.seeds = 1;
      } else if (word == "--nodes" && read_number(value, nodes) && nodes >= 2 && nodes <= 256) {
        result.nodes = nodes;
      } else if (!(word == "--from" && read_number(value, result.from)) &&
                 !(word == "--seeds" && read_number(value, result.seeds)) &&
                 !(word == "--without" && read_kinds(value, result.without))) {
        return std::nullopt;
      }
    }
  }
  return result;
}

std::string names_of(const fault_mask& kinds) {
  std::string result;
  for (std::size_t i = 0; i < fault_kinds; ++i)
    if (kinds[i])
      result += (result.empty() ? "" : ",") + std::string{to_string(static_cast<fault_kind>(i))};
  return result;
}

fault_mask kinds_in(const world& w) {
  fault_mask result;
  for (const auto& f : w.faults())
    result.set(static_cast<std::size_t>(f.kind));
  return result;
}

void tell_breach(const run_options& options, const world& failed) {
  const auto& b = *failed.log().first();
  std::cout << "seed " << options.seed << ", " << failed.nodes() << " nodes, at " << to_text(b.at)
            << " s: " << b.invariant << " does not hold at " << b.node << ": " << b.what << '\n';
}

void tell_how_to_replay(const run_options& options) {
  std::cout << "  replay: ./dev sim membership --seed " << options.seed << " --trace";
  if (options.nodes)
    std::cout << " --nodes " << *options.nodes;
  if (options.without.any())
    std::cout << " --without " << names_of(options.without);
  std::cout << '\n';
}

/// Switches kinds of faults off, one after the other, as long as the seed still fails.
run_options shrink(run_options options) {
  world first{options};
  first.run();
  const auto present = kinds_in(first);
  for (std::size_t i = 0; i < fault_kinds; ++i) {
    if (!present[i])
      continue;
    auto fewer = options;
    fewer.without.set(i);
    world again{fewer};
    again.run();
    if (again.log().first())
      options = fewer;
  }
  return options;
}

/// Runs a failed seed once more to tell its story.
void explain(run_options options, bool smallest) {
  if (smallest)
    options = shrink(options);
  options.telling = chronicle::telling::last_lines;
  world again{options};
  again.run();
  for (const auto& line : again.log().last_lines())
    std::cout << "    " << line << '\n';
  tell_breach(options, again);
  std::cout << "  faults: " << names_of(kinds_in(again)) << '\n';
  tell_how_to_replay(options);
}

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
    running_seed = options.seed;
    world w{options};
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

} // namespace
} // namespace starling::simulation

int main(int count, char** words) {
  using namespace starling::simulation;
  for (const int signal : {SIGABRT, SIGFPE, SIGSEGV})
    std::signal(signal, say_seed_and_end);
  const std::vector<std::string> given(words + 1, words + count);
  if (given == std::vector<std::string>{"--list"}) {
    for (std::size_t i = 0; i < fault_kinds; ++i)
      std::cout << to_string(static_cast<fault_kind>(i)) << '\n';
    return 0;
  }
  const auto wanted = read_command_line(given);
  if (!wanted) {
    std::cerr << usage;
    return 2;
  }
  return run(*wanted);
}
