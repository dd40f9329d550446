#include "system/descriptor.hpp"
#include "system/lossy_network.hpp"

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace starling::system {
namespace {

int option_of(const system::descriptor& socket, int option) {
  int value = -1;
  socklen_t size = sizeof value;
  ::getsockopt(socket.number(), IPPROTO_TCP, option, &value, &size);
  return value;
}

TEST(LossyNetwork, HasLostPacketsRepeatedAfterTheSameTimeAgain) {
  const system::descriptor socket{::socket(AF_INET, SOCK_STREAM, 0)};

  repeat_lost_packets_soon(socket.number());

  EXPECT_EQ(option_of(socket, TCP_THIN_LINEAR_TIMEOUTS), 1);
}

TEST(LossyNetwork, HasLostPacketsRepeatedSoonWhereTheSystemCan) {
  constexpr int shortest_wait_us = 45; // of Linux 6.15
  const system::descriptor socket{::socket(AF_INET, SOCK_STREAM, 0)};
  if (option_of(socket, shortest_wait_us) < 0)
    GTEST_SKIP() << "this system has no TCP_RTO_MIN_US";

  repeat_lost_packets_soon(socket.number());

  // The system counts in its own ticks, of 10 ms at most.
  EXPECT_NEAR(option_of(socket, shortest_wait_us), 50'000, 10'000);
}

} // namespace
} // namespace starling::system
