#include "system/lossy_network.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace starling::system {

namespace {

// Of Linux 6.15, too new for the headers. An older system refuses the options.
constexpr int option_of_longest_wait_ms = 44;  // TCP_RTO_MAX_MS
constexpr int option_of_shortest_wait_us = 45; // TCP_RTO_MIN_US

// Longer than a receiver delays its acknowledgements, 40 ms, so that nothing is repeated in vain.
constexpr int shortest_wait_us = 50'000;
constexpr int longest_wait_ms = 1'000; // the least that the system takes

} // namespace

void repeat_lost_packets_soon(int socket) {
  const auto set = [socket](int option, int value) {
    ::setsockopt(socket, IPPROTO_TCP, option, &value, sizeof value);
  };
  set(TCP_THIN_LINEAR_TIMEOUTS, 1);
  set(option_of_shortest_wait_us, shortest_wait_us);
  set(option_of_longest_wait_ms, longest_wait_ms);
}

} // namespace starling::system
