#pragma once

// One client's socket, as the byte stream that httplib reads requests from and writes replies to.
//
// Every wait has a deadline and ends early when the listener stops, so no client can hold a thread
// for long by being slow. What was read ahead stays for the next request. Replies are collected and
// sent in one piece by `flush`.

#include <httplib.h>

#include <array>
#include <chrono>
#include <string>

namespace starling::http {

class connection final : public httplib::Stream {
public:
  using clock = std::chrono::steady_clock;

  /// Takes over the socket. `stop` is a descriptor that becomes readable when it is time to stop.
  connection(int socket, int stop);

  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  ~connection() override;

  /// Waits for the first byte of a request; false if there will be none.
  bool wait_for_request(std::chrono::milliseconds idle_timeout);

  /// All reads until the next call have to be done by `deadline` and give `bytes_max` bytes at
  /// most.
  void allow(clock::time_point deadline, std::size_t bytes_max);

  /// Sends what was written; false if that failed or took too long.
  bool flush(clock::time_point deadline);

  /// Says that no more is written, and reads and drops what the client still sends, for a moment
  /// and up to a bound: a socket that is closed with bytes unread takes back the reply. The last
  /// call before the end.
  void linger();

  /// At least one byte, or -1.
  ssize_t read(char* to, size_t size) override;
  ssize_t write(const char* from, size_t size) override;
  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  socket_t socket() const override { return socket_; }

private:
  bool wait(short events, clock::time_point deadline) const;
  bool fill();

  int socket_;
  int stop_;
  clock::time_point deadline_;
  std::size_t allowed_ = 0;
  std::array<char, 16 * 1024> in_;
  std::size_t begin_ = 0; // of what was read ahead
  std::size_t end_ = 0;
  std::string out_;
};

} // namespace starling::http
