// The service, used by many threads at once.

#include "dummy_node.hpp"
#include "node/service.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace starling::node {
namespace {

using namespace std::chrono_literals;
using actors::increment;

/// Actors on threads.
class ServiceThreads : public testing::Test {
protected:
  ServiceThreads()
      : types_are_registered_((register_types(), true)), sys(config_), node(sys, {}),
        door(sys, context(), 20s) {}

  ~ServiceThreads() override {
    for (const auto& shard : node.shards)
      caf::anon_send_exit(shard, caf::exit_reason::kill);
    caf::anon_send_exit(node.gossip, caf::exit_reason::kill);
    caf::anon_send_exit(node.membership, caf::exit_reason::kill);
  }

private:
  struct config : caf::actor_system_config {
    config() { set("caf.scheduler.max-threads", 2u); }
  };

  service_context context() const { return node.context(); }

  const bool types_are_registered_; // before `config_` exists
  config config_;

protected:
  caf::actor_system sys;
  dummy_node node;
  service door;
};

TEST_F(ServiceThreads, TellsEachCallOnceThoughItEnds) {
  constexpr int calls = 300;
  std::atomic<int> told = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < calls; ++i) {
        door.read(counter("four"), {}, [&](const auto&) { ++told; });
        door.write(counter("range"), increment(1), [&](const auto&) { ++told; });
        door.write({{counter("a"), increment(1)}, {counter("mute"), increment(1)}},
                   [&](const auto&) { ++told; });
        door.refuse_writes([&](bool) { ++told; });
        door.take_writes();
        if (i == calls / 2)
          door.stop();
      }
    });
  for (auto& one : threads)
    one.join();

  // Replies that the system drops are told by its threads, some moments later.
  while (told < 4 * 4 * calls)
    std::this_thread::yield();
  EXPECT_EQ(told, 4 * 4 * calls);
}

TEST_F(ServiceThreads, LetsNoWriteInBehindARefusal) {
  for (int round = 0; round < 20; ++round) {
    std::atomic<bool> is_refused = false;
    std::atomic<int> late = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([&] {
        for (int after = 0; after < 10;) {
          const bool was_refused = is_refused;
          const auto came = door.wait_for<crdt::view>(
              [&](auto tell) { door.write(counter("four"), increment(1), std::move(tell)); });
          late += was_refused && came != outcome<crdt::view>{service_error::leaving} ? 1 : 0;
          after += was_refused ? 1 : 0;
        }
      });
    door.wait_until_writes_are_refused();
    is_refused = true;
    for (auto& one : threads)
      one.join();
    EXPECT_EQ(late, 0);
    door.take_writes();
  }
}

TEST_F(ServiceThreads, AThreadGivesUpInItsTime) {
  service hasty{sys, node.context(), 1ms};
  EXPECT_EQ(hasty.wait_for<crdt::view>(
                [&](auto tell) { hasty.read(counter("mute"), {}, std::move(tell)); }),
            outcome<crdt::view>{service_error::timed_out});
}

} // namespace
} // namespace starling::node
