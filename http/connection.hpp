#pragma once

// One client: its socket, what it has sent and what it is still to be sent.
//
// Nothing here waits: bytes go in and out as far as the socket takes them at once. One thread at a
// time uses a connection.

#include "http/api/request_reader.hpp"
#include "http/api/transfer_rate.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/socket.h>

namespace starling::http {

class connection {
public:
  using number = std::uint64_t;

  /// Takes over the socket, which does not block.
  connection(number id, int socket, const sockaddr_storage& from, std::size_t body_bytes_max);

  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  ~connection();

  number id() const { return id_; }
  int socket() const { return socket_; }

  /// Where the client is: an address without its port.
  std::string address() const;

  enum class received : std::uint8_t { bytes, nothing, end };

  /// Reads what is there into the buffer, of which `bytes` then shows the part that was filled.
  received receive(std::string& buffer, std::string_view& bytes);

  /// Adds to what is to be sent.
  void write(std::string bytes);

  /// Sends what the client takes; false if the connection is broken.
  bool send();

  /// Whether all that was written was sent.
  bool is_sent() const { return out_.size() == sent_; }

  /// How many bytes the client has taken since this was asked before: a reply that fits into the
  /// buffers of the system moves although nothing more can be sent.
  std::size_t take_progress();

  /// Says that no more will be sent.
  void finish_sending();

  std::size_t bytes_held() const { return requests.bytes_held() + out_.size(); }

  request_reader requests;
  transfer_rate transfer;        // of the body, or of the answer
  bool closes = false;           // after what is being sent
  bool was_refused = false;      // so the client may still be sending
  std::size_t bytes_counted = 0; // of bytes_held, by whoever counts them
  std::size_t dropped = 0;       // bytes that came when nobody wanted them

private:
  number id_;
  int socket_;
  sockaddr_storage from_;
  std::string out_;
  std::size_t sent_ = 0;   // of `out_`
  std::size_t unsent_ = 0; // by the system, when progress was asked for before
};

} // namespace starling::http
