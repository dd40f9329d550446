#pragma once

// Requests as measurements send them: little work for each, since client and node share the
// machine. Answers carry a Content-Length, and connections are kept.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace starling::bench {

/// The bytes of a request.
std::string get(const std::string& target);
std::string post(const std::string& target, const std::string& body);

struct http_answer {
  int status = 0; // 0 if there was none
  std::string body;
};

/// One connection, on which one request follows the other.
class http_connection {
public:
  /// To a port on loopback.
  explicit http_connection(std::uint16_t port);
  ~http_connection();
  http_connection(const http_connection&) = delete;
  http_connection& operator=(const http_connection&) = delete;

  /// Waits for the answer.
  http_answer send(const std::string& request);

private:
  int socket_ = -1;
};

/// What became of many requests.
struct load_result {
  double seconds = 0;
  std::uint64_t acknowledged = 0; // answered with 200
  std::uint64_t refused = 0;      // answered with anything else
  std::uint64_t unanswered = 0;

  double per_second() const { return static_cast<double>(acknowledged) / seconds; }
};

/// The n-th request.
using requests = std::function<std::string(std::uint64_t n)>;

/// How long a load goes on: until there were so many requests, or for so long.
struct load_end {
  std::uint64_t count = UINT64_MAX;
  std::chrono::duration<double> time{1e9};
};

/// Sends requests over so many connections, on each the next one as soon as the last is answered,
/// and waits for the last answers. Ends early when no connection is left.
load_result send_all(std::uint16_t port, std::size_t connections, const requests& next,
                     const load_end& end);

} // namespace starling::bench
