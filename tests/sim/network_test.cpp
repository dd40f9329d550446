#include "sim/network.hpp"

#include <gtest/gtest.h>

namespace starling::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr address a{0, 1};
constexpr address b{1, 1};

host_set only(std::size_t host) {
  host_set result;
  result.set(host);
  return result;
}

struct arrival {
  duration at{0};
  std::uint64_t number = 0;
  std::string bytes;
  bool spoiled = false;

  friend bool operator==(const arrival&, const arrival&) = default;
};

/// Sends datagrams, one each millisecond, and notes what arrives.
struct Network : testing::Test {
  explicit Network(std::uint64_t seed = 1) : net(time, dice{seed}) {
    net.receive = [this](const datagram& d) {
      arrivals.push_back({time.now(), d.number, *d.bytes, d.spoiled});
    };
  }

  void send_all(address from, address to, std::size_t count = 1000) {
    for (std::size_t i = 0; i < count; ++i)
      time.after(milliseconds{i}, [this, from, to, i] {
        net.send({.from = from,
                  .to = to,
                  .bytes = std::make_shared<const std::string>("datagram " + std::to_string(i)),
                  .number = i,
                  .spoiled = false,
                  .note = nullptr});
      });
    finish();
  }

  void finish() {
    while (!time.is_over())
      time.step();
  }

  timeline time;
  network net;
  std::vector<arrival> arrivals;
};

TEST_F(Network, WithoutDisturbanceDeliversEachOnceUnspoiledAndSoon) {
  send_all(a, b);

  ASSERT_EQ(arrivals.size(), 1000u);
  for (const auto& one : arrivals) {
    EXPECT_FALSE(one.spoiled);
    EXPECT_EQ(one.bytes, "datagram " + std::to_string(one.number));
    EXPECT_LE(one.at - milliseconds{one.number}, net.delay_max);
  }
}

TEST_F(Network, LosesTheShareThatItIsTold) {
  net.disturb({.loss = 0.3});

  send_all(a, b);

  EXPECT_NEAR(static_cast<double>(arrivals.size()), 700, 60);
}

TEST_F(Network, LosesInOneDirectionOnly) {
  net.disturb({.where = {{only(0), only(1)}}, .loss = 1});

  send_all(a, b);
  EXPECT_TRUE(arrivals.empty());

  send_all(b, a);
  EXPECT_EQ(arrivals.size(), 1000u);
}

TEST_F(Network, RepeatsTheShareThatItIsTold) {
  net.disturb({.repeat = 0.5});

  send_all(a, b);

  EXPECT_NEAR(static_cast<double>(arrivals.size()), 1500, 60);
}

TEST_F(Network, ReordersWhatIsLate) {
  net.disturb({.late = 0.5, .late_max = milliseconds{100}});

  send_all(a, b);

  EXPECT_EQ(arrivals.size(), 1000u);
  EXPECT_FALSE(std::ranges::is_sorted(arrivals, {}, &arrival::number));
}

TEST_F(Network, HasTailsThatAreHeavyButEnd) {
  net.disturb({.tail = 1});

  send_all(a, b);

  const auto late = std::ranges::count_if(arrivals, [](const arrival& one) {
    return one.at - milliseconds{one.number} > milliseconds{100};
  });
  EXPECT_EQ(arrivals.size(), 1000u);
  EXPECT_GT(late, 5);
  EXPECT_LT(late, 100);
  EXPECT_LE(time.now(), seconds{12});
}

TEST_F(Network, SpoilsBytesAndSaysSo) {
  net.disturb({.spoil = 0.5});

  send_all(a, b);

  ASSERT_EQ(arrivals.size(), 1000u);
  for (const auto& one : arrivals)
    EXPECT_EQ(one.spoiled, one.bytes != "datagram " + std::to_string(one.number));
  EXPECT_NEAR(static_cast<double>(std::ranges::count_if(arrivals, &arrival::spoiled)), 500, 60);
}

TEST_F(Network, LosesWhatIsUnderWayWhenTheLinkIsCut) {
  net.delay_min = net.delay_max = milliseconds{10};
  time.after(milliseconds{100}, [this] { net.disturb({.cut = true}); });

  send_all(a, b);

  EXPECT_NEAR(static_cast<double>(arrivals.size()), 91, 1);
}

TEST_F(Network, HealsWhenADisturbanceEnds) {
  const auto number = net.disturb({.cut = true});
  EXPECT_TRUE(net.is_cut(a, b));

  net.end(number);

  send_all(a, b);
  EXPECT_EQ(arrivals.size(), 1000u);
}

TEST_F(Network, NeverPartsAMachineFromItself) {
  net.disturb({.cut = true, .loss = 1});

  send_all(a, {a.host, 2});

  EXPECT_EQ(arrivals.size(), 1000u);
}

TEST_F(Network, StreamsAreLateWhereDatagramsAreLost) {
  net.disturb({.loss = 0.5});
  std::size_t arrived = 0;
  duration last{0};
  for (int i = 0; i < 100; ++i)
    net.send_stream(a, b, [&] {
      ++arrived;
      last = time.now();
    });

  finish();

  EXPECT_EQ(arrived, 100u);
  EXPECT_GE(last, milliseconds{200});
}

TEST_F(Network, StreamsPassWhereOnlyDatagramsAreCut) {
  net.disturb({.cut = true, .spares_streams = true});
  std::size_t arrived = 0;

  net.send_stream(a, b, [&] { ++arrived; });
  send_all(a, b);

  EXPECT_EQ(arrived, 1u);
  EXPECT_TRUE(arrivals.empty());
}

TEST(NetworkOfOneSeed, AlwaysDoesTheSame) {
  const auto run = [](std::uint64_t seed) {
    struct Run : Network {
      using Network::Network;
      void TestBody() override {}
    } one{seed};
    one.net.disturb({.loss = 0.1,
                     .repeat = 0.1,
                     .late = 0.2,
                     .late_max = seconds{1},
                     .tail = 0.1,
                     .spoil = 0.1});
    one.send_all(a, b);
    return one.arrivals;
  };

  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

} // namespace
} // namespace starling::simulation
