// Many joiners on a simulated network with virtual time: messages are delayed and lost, processes
// stop and start, networks split. Every run is a function of its seed, which a failure prints;
// STARLING_SEED runs another one.

#include "membership/joiner.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>

namespace starling::membership {

namespace {

using namespace std::chrono_literals;
using duration = joiner::duration;

class simulation {
public:
  explicit simulation(std::uint64_t seed, double loss = 0) : random_(seed), loss_(loss) {}

  /// Starts a process on an address, in place of the one that was there.
  void start(const std::string& address, std::vector<std::string> seeds,
             std::uint64_t clock_error = 1'000'000) {
    const auto generation = clock_error + static_cast<std::uint64_t>(now_.count());
    member self{address, generation, node_id::from(random_(), random_()), {random_()}, "", ""};
    join_options options;
    options.seeds = std::move(seeds);
    processes_[address] = {std::make_unique<joiner>(self, options, random_(), now_), ++starts_, 0};
    act(address, &joiner::tick);
  }

  void stop(const std::string& address) { processes_.erase(address); }

  /// Makes `name` lead to the process at an address.
  void alias(const std::string& name, const std::string& address) { aliases_[name] = address; }

  /// Nothing passes between addresses for which `side` differs.
  void split(std::function<bool(const std::string&)> side) { side_ = std::move(side); }
  void heal() { side_ = nullptr; }

  void run_for(duration length) {
    const auto end = now_ + length;
    while (!events_.empty() && events_.begin()->first <= end) {
      auto event = events_.extract(events_.begin());
      now_ = event.key();
      event.mapped()();
    }
    now_ = end;
  }

  /// Runs until everyone knows exactly the present processes, `former` addresses beside them;
  /// says how long that took, or nothing if it takes longer than `limit`.
  std::optional<duration> converge_within(duration limit, std::size_t former = 0) {
    const auto begin = now_;
    while (now_ - begin <= limit) {
      if (is_converged(former))
        return now_ - begin;
      run_for(10ms);
    }
    return std::nullopt;
  }

  bool is_converged(std::size_t former = 0) const {
    for (const auto& [address, one] : processes_) {
      if (one.node->members().size() != processes_.size() + former)
        return false;
      for (const auto& [other_address, other] : processes_)
        if (const auto* record = one.node->members().find(other_address);
            record == nullptr || *record != other.node->self())
          return false;
    }
    return true;
  }

  const joiner& at(const std::string& address) const { return *processes_.at(address).node; }

  /// How many push/pulls were asked for, and how many new sessions of an address reported.
  std::size_t pushes = 0;
  std::map<std::string, std::size_t> changes;

private:
  struct process {
    std::unique_ptr<joiner> node;
    std::uint64_t start; // tells it from others on its address
    std::uint64_t ticks = 0;
  };

  process* find(const std::string& address, std::uint64_t start) {
    const auto found = processes_.find(address);
    return found == processes_.end() || found->second.start != start ? nullptr : &found->second;
  }

  void later(duration delay, std::function<void()> what) {
    events_.emplace(now_ + delay, std::move(what));
  }

  template <class Input, class... Args>
  void act(const std::string& address, Input input, const Args&... args) {
    auto& one = processes_.at(address);
    for (const auto& effect : ((*one.node).*input)(args..., now_)) {
      if (const auto* push = std::get_if<push_pull>(&effect))
        send(address, one, push->address);
      else if (const auto* change = std::get_if<peer_changed>(&effect))
        ++changes[change->peer.address];
    }
    const auto start = one.start;
    const auto turn = ++one.ticks;
    later(std::max(one.node->next_tick() - now_, 0ms), [this, address, start, turn] {
      if (auto* same = find(address, start); same != nullptr && same->ticks == turn)
        act(address, &joiner::tick);
    });
  }

  void send(const std::string& from, const process& sender, const std::string& name) {
    ++pushes;
    const auto found = aliases_.find(name);
    const auto to = found == aliases_.end() ? name : found->second;
    const auto said = packed(sender.node->announce());
    const auto start = sender.start;
    const auto fail = [this, from, name, start] {
      if (find(from, start) != nullptr)
        act(from, &joiner::sync_failed, std::string_view{name});
    };
    if (!processes_.contains(to) || is_cut(from, to)) {
      later(processes_.contains(to) ? timeout : 1ms, fail);
      return;
    }
    later(latency(), [=, this] {
      if (is_lost() || !processes_.contains(to)) {
        later(timeout, fail);
        return;
      }
      act(to, &joiner::received, unpacked(said));
      const auto answer = packed(processes_.at(to).node->announce());
      if (is_lost() || is_cut(from, to)) {
        later(timeout, fail);
        return;
      }
      later(latency(), [=, this] {
        if (find(from, start) != nullptr)
          act(from, &joiner::synced, std::string_view{name}, unpacked(answer));
      });
    });
  }

  static std::string packed(const announcement& said) {
    wire::writer out;
    encode(out, said);
    return std::move(out).take();
  }

  static announcement unpacked(const std::string& bytes) {
    return std::get<announcement>(decode_announcement(bytes));
  }

  bool is_cut(const std::string& a, const std::string& b) const {
    return side_ && side_(a) != side_(b);
  }

  bool is_lost() { return std::uniform_real_distribution<>{}(random_) < loss_; }
  duration latency() { return duration{std::uniform_int_distribution<>{1, 20}(random_)}; }

  static constexpr duration timeout = 2s;

  std::mt19937_64 random_;
  double loss_;
  duration now_{0};
  std::uint64_t starts_ = 0;
  std::map<std::string, process> processes_;
  std::map<std::string, std::string> aliases_;
  std::function<bool(const std::string&)> side_;
  std::multimap<duration, std::function<void()>> events_;
};

std::string address(std::size_t i) {
  return "node-" + std::to_string(i) + ":9080";
}

// Calls `run` for a number of seeds, or for the one in the environment.
template <class Run>
void for_seeds(std::uint64_t count, Run run) {
  const char* given = std::getenv("STARLING_SEED");
  const auto first = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
  for (auto seed = first; seed < first + (given != nullptr ? 1 : count); ++seed) {
    SCOPED_TRACE("STARLING_SEED=" + std::to_string(seed));
    run(seed);
    if (testing::Test::HasFailure())
      return;
  }
}

void start_chain(simulation& net, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i)
    net.start(address(i),
              i == 0 ? std::vector<std::string>{} : std::vector<std::string>{address(i - 1)});
}

} // namespace

TEST(JoinerSimulation, ChainOfSeedsStartedAllAtOnceConvergesInSeconds) {
  for_seeds(50, [](std::uint64_t seed) {
    simulation net(seed);
    start_chain(net, 16);

    EXPECT_TRUE(net.converge_within(5s));
    net.run_for(10s);
    EXPECT_LT(net.pushes, 16u * 24u) << "each pair once, and a few rounds";
    for (std::size_t i = 0; i < 16; ++i)
      EXPECT_EQ(net.changes[address(i)], 15u) << "everyone else learns of the session once";
  });
}

TEST(JoinerSimulation, LossDelaysConvergenceByAnIntervalOrTwo) {
  for_seeds(50, [](std::uint64_t seed) {
    simulation net(seed, 0.3);
    start_chain(net, 16);

    EXPECT_TRUE(net.converge_within(90s));
  });
}

TEST(JoinerSimulation, LateSeedIsFoundWithinTheLongestBackoff) {
  for_seeds(50, [](std::uint64_t seed) {
    simulation net(seed);
    for (std::size_t i = 1; i < 8; ++i)
      net.start(address(i), {address(0)});
    net.run_for(10min);
    EXPECT_FALSE(net.at(address(1)).has_joined());
    EXPECT_LT(net.pushes, 7u * 150u) << "about one try every 7.5 s";

    net.start(address(0), {});
    EXPECT_TRUE(net.converge_within(16s));
    EXPECT_TRUE(net.at(address(1)).has_joined());
  });
}

TEST(JoinerSimulation, RestartReplacesTheFormerLifeEverywhere) {
  for_seeds(50, [](std::uint64_t seed) {
    simulation net(seed);
    start_chain(net, 8);
    ASSERT_TRUE(net.converge_within(5s));

    net.stop(address(5));
    net.run_for(30s);
    net.changes.clear();
    net.start(address(5), {address(0)});

    EXPECT_TRUE(net.converge_within(1s));
    EXPECT_EQ(net.changes[address(5)], 7u);
  });
}

TEST(JoinerSimulation, RestartOfASeedWithoutSeedsIsFoundByTheOthers) {
  for_seeds(50, [](std::uint64_t seed) {
    simulation net(seed);
    for (std::size_t i = 0; i < 3; ++i)
      net.start(address(i), {address(0)});
    ASSERT_TRUE(net.converge_within(5s));

    net.stop(address(0));
    net.run_for(1s);
    net.start(address(0), {});
    EXPECT_TRUE(net.converge_within(5min));
  });
}

TEST(JoinerSimulation, RestartWithTheClockSetBackIsFollowedAtOnce) {
  for_seeds(50, [](std::uint64_t seed) {
    simulation net(seed);
    start_chain(net, 8);
    ASSERT_TRUE(net.converge_within(5s));

    net.stop(address(5));
    net.run_for(30s);
    net.start(address(5), {address(0)}, 5);

    EXPECT_TRUE(net.converge_within(1s));
    EXPECT_GT(net.at(address(5)).self().generation, 1'000'000u);
  });
}

TEST(JoinerSimulation, EveryNodeRestartedOneByOneConverges) {
  for_seeds(20, [](std::uint64_t seed) {
    simulation net(seed, 0.05);
    start_chain(net, 8);
    for (std::size_t i = 0; i < 8; ++i) {
      net.run_for(5s);
      net.stop(address(i));
      net.run_for(1s);
      net.start(address(i), {address((i + 1) % 8)});
    }
    EXPECT_TRUE(net.converge_within(4min));
  });
}

TEST(JoinerSimulation, HealedSplitIsBridgedByTheSyncInterval) {
  for_seeds(50, [](std::uint64_t seed) {
    simulation net(seed);
    for (std::size_t i = 0; i < 6; ++i)
      net.start(address(i), {address(i % 2)});
    net.start(address(1), {address(0)}); // the two seeds knew each other before the split
    ASSERT_TRUE(net.converge_within(10s));

    net.split([](const std::string& one) { return (one[5] - '0') % 2 == 0; });
    for (std::size_t i = 6; i < 10; ++i)
      net.start(address(i), {address(i % 2)});
    net.run_for(5min);
    EXPECT_EQ(net.at(address(0)).members().size(), 8u) << "the other half are members still";

    net.heal();
    EXPECT_TRUE(net.converge_within(3min));
  });
}

TEST(JoinerSimulation, SplitColdStartJoinsWhenTheOtherSeedAnswers) {
  for_seeds(50, [](std::uint64_t seed) {
    simulation net(seed);
    net.split([](const std::string& one) { return (one[5] - '0') % 2 == 0; });
    for (std::size_t i = 0; i < 8; ++i)
      net.start(address(i), {address(0), address(1)});
    net.run_for(5min);
    EXPECT_TRUE(net.at(address(2)).has_joined());
    EXPECT_EQ(net.at(address(2)).members().size(), 4u);

    net.heal();
    EXPECT_TRUE(net.converge_within(20s));
  });
}

TEST(JoinerSimulation, SeedsUnderOtherNamesLeadToTheirMembers) {
  for_seeds(50, [](std::uint64_t seed) {
    simulation net(seed);
    net.alias("seed-a:1", address(0));
    net.alias("seed-b:1", address(1));
    for (std::size_t i = 0; i < 6; ++i)
      net.start(address(i), {"seed-a:1", "seed-b:1"});

    EXPECT_TRUE(net.converge_within(1s));
    net.run_for(1s);
    for (std::size_t i = 0; i < 6; ++i)
      EXPECT_TRUE(net.at(address(i)).unreached_seeds().empty());
  });
}

TEST(JoinerSimulation, SeedNameThatMovesToAnotherProcessIsFollowed) {
  for_seeds(20, [](std::uint64_t seed) {
    simulation net(seed);
    net.alias("seed:1", address(0));
    for (std::size_t i = 0; i < 3; ++i)
      net.start(address(i), {"seed:1"});
    ASSERT_TRUE(net.converge_within(5s));

    net.stop(address(0));
    net.start(address(3), {});
    net.alias("seed:1", address(3));
    EXPECT_TRUE(net.converge_within(10min, 1)); // the old address stays in the table
  });
}

} // namespace starling::membership
