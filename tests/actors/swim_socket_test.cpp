#include "actors/swim_socket.hpp"
#include "membership/packet.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/telemetry/metric_registry.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <atomic>
#include <chrono>
#include <gmock/gmock.h>
#include <memory>
#include <thread>

namespace starling::actors {
namespace {

using namespace std::chrono_literals;
using membership::udp_address;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto patience = 15s;

// Real sockets on loopback, and real threads.
class SwimSocket : public ::testing::Test {
protected:
  struct config : caf::actor_system_config {
    config() {
      set("caf.scheduler.policy", "sharing");
      set("caf.scheduler.max-threads", 2);
    }
  };

  /// What a membership actor was handed.
  struct heard {
    std::atomic<std::size_t> count = 0;
    std::atomic<bool> is_slow = false;
    std::vector<datagram> items; // read it when `count` says that they are there
    std::vector<datagrams> kept; // while it is slow
  };

  membership_actor spawn_listener(std::shared_ptr<heard> h) {
    return sys.spawn([h](membership_actor::pointer) -> membership_actor::behavior_type {
      return {
          [](start_atom) {},
          [](watch_atom, const gossip_actor&) {},
          [h](const datagrams& batch) {
            if (h->is_slow)
              h->kept.push_back(batch);
            h->items.insert(h->items.end(), batch.items.begin(), batch.items.end());
            h->count += batch.items.size();
          },
          [](message_atom, membership::call_kind, const std::string&) { return std::string{}; },
          [](peer_atom, const std::string&) {},
          [](peer_atom, const std::string&, bool) {},
          [](members_atom, std::uint64_t, std::uint64_t) {},
          [](leave_atom) { return leave_report{}; },
          [h](tick_atom) { h->kept.clear(); },
          [](report_atom) { return membership_report{}; },
      };
    });
  }

  void open(swim_socket& socket, const std::string& host = "127.0.0.1") {
    const auto failure = socket.open({host, 0});
    ASSERT_FALSE(failure) << *failure;
  }

  static void wait_for(const std::atomic<std::size_t>& count, std::size_t wanted) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (count < wanted && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(1ms);
    EXPECT_GE(count, wanted);
  }

  std::int64_t total(caf::string_view name, caf::string_view reason) {
    return sys.metrics()
        .counter_family("starling", name, {"reason"}, "", "1", true)
        ->get_or_add({{"reason", reason}})
        ->value();
  }

  const bool types_are_registered_ = (register_types(), true);
  config config_;
  caf::actor_system sys{config_};
};

TEST_F(SwimSocket, CarriesDatagramsOverIpv4AndIpv6) {
  for (const auto* host : {"127.0.0.1", "::1"}) {
    swim_socket to{sys};
    if (to.open({host, 0}))
      continue; // no IPv6 here
    swim_socket from{sys};
    open(from, host);
    const auto h = std::make_shared<heard>();
    to.start(spawn_listener(h));

    from.send(to.address(), "one");
    from.send(to.address(), "two");
    wait_for(h->count, 2);
    to.stop();

    ASSERT_EQ(h->items.size(), 2u) << host;
    EXPECT_EQ(h->items[0].bytes, "one");
    EXPECT_EQ(h->items[1].bytes, "two");
    EXPECT_EQ(h->items[0].from, from.address());
  }
}

TEST_F(SwimSocket, SpeaksIpv4OnTheWildcardOfIpv6) {
  swim_socket both{sys};
  if (both.open({"::", 0}))
    GTEST_SKIP() << "there is no IPv6 here";
  swim_socket v4{sys};
  open(v4);
  EXPECT_EQ(both.family(), system::address_family::both);
  const auto port = both.address().port;
  const auto h = std::make_shared<heard>();
  both.start(spawn_listener(h));

  v4.send(udp_address::v4(127, 0, 0, 1, port), "hello");
  wait_for(h->count, 1);
  both.stop();
  ASSERT_EQ(h->items.size(), 1u);
  EXPECT_EQ(h->items.front().from, v4.address()) << "one form for each address";

  both.send(v4.address(), "back");
  std::vector<datagram> got;
  for (int i = 0; got.empty() && i < 1000; ++i, std::this_thread::sleep_for(1ms))
    got = v4.take();
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got.front().bytes, "back");
}

TEST_F(SwimSocket, GivesWhatIsQueuedToWhoeverAsks) {
  swim_socket to{sys};
  swim_socket from{sys};
  open(to);
  open(from);
  EXPECT_THAT(to.take(), IsEmpty());

  for (int i = 0; i < 200; ++i)
    from.send(to.address(), std::to_string(i));

  std::vector<datagram> got;
  for (int i = 0; got.size() < 200 && i < 1000; ++i)
    for (auto& one : to.take())
      got.push_back(std::move(one));
  ASSERT_EQ(got.size(), 200u);
  EXPECT_EQ(got.back().bytes, "199");
}

TEST_F(SwimSocket, DropsAndCountsWhatIsTooLarge) {
  swim_socket to{sys};
  swim_socket from{sys};
  open(to);
  open(from);
  const auto h = std::make_shared<heard>();
  to.start(spawn_listener(h));

  from.send(to.address(), std::string(membership::packet_bytes_max + 1, 'x'));
  from.send(to.address(), std::string(membership::packet_bytes_max, 'y'));
  wait_for(h->count, 1);
  to.stop();

  ASSERT_EQ(h->items.size(), 1u);
  EXPECT_EQ(h->items.front().bytes.size(), membership::packet_bytes_max);
  EXPECT_EQ(total("swim.packets-dropped", "oversize"), 1);
}

TEST_F(SwimSocket, DropsAndCountsWhatTheActorHasNoTimeFor) {
  swim_socket to{sys, 256};
  swim_socket from{sys};
  open(to);
  open(from);
  const auto h = std::make_shared<heard>();
  h->is_slow = true; // it keeps the batches, as a full mailbox would
  const auto listener = spawn_listener(h);
  to.start(listener);

  const auto end = std::chrono::steady_clock::now() + patience;
  std::size_t sent = 0;
  while (total("swim.packets-dropped", "overload") == 0 && std::chrono::steady_clock::now() < end) {
    for (int i = 0; i < 64; ++i, ++sent)
      from.send(to.address(), "x");
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_GT(total("swim.packets-dropped", "overload"), 0);
  EXPECT_GE(sent, 128u);
  EXPECT_LE(h->count, 256u);

  // Once it has read them, there is room again.
  h->is_slow = false;
  caf::anon_send(listener, tick_atom_v);
  const std::size_t before = h->count;
  for (int i = 0; h->count < before + 1 && i < 5000; ++i, std::this_thread::sleep_for(1ms))
    from.send(to.address(), "y");
  EXPECT_GT(h->count, before);
  to.stop();
}

TEST_F(SwimSocket, CountsWhatCannotBeSent) {
  swim_socket v4{sys};
  open(v4);
  udp_address v6;
  v6.ip.back() = 1;
  v6.port = 9;

  v4.send(v6, "x");
  EXPECT_EQ(total("swim.send-errors", "unreachable"), 1);

  v4.send(v4.address(), std::string(70'000, 'x'));
  EXPECT_EQ(total("swim.send-errors", "too-large"), 1);
}

TEST_F(SwimSocket, SaysWhyItCannotOpenItsPort) {
  swim_socket first{sys};
  open(first);
  swim_socket second{sys};

  const auto failure = second.open({"127.0.0.1", first.address().port});

  EXPECT_THAT(failure.value_or(""), HasSubstr("port " + std::to_string(first.address().port) +
                                              ": Address already in use"));
  second.send(first.address(), "nothing"); // harmless
  EXPECT_THAT(second.take(), IsEmpty());
}

TEST_F(SwimSocket, StopsPromptly) {
  swim_socket socket{sys};
  open(socket);
  socket.start(spawn_listener(std::make_shared<heard>()));
  const auto begin = std::chrono::steady_clock::now();

  socket.stop();
  socket.stop();

  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
}

} // namespace
} // namespace starling::actors
