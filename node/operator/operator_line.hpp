#pragma once

// The line to the running node of a configuration, for an operator's command: over the node's
// cluster listener, authenticated as all messages between nodes.
//
// A command first asks which process is there, and its orders are for that process only. The
// process carries out each order once. So an order that somebody recorded does nothing when it is
// sent again.

#include "actors/peer_client.hpp"
#include "config/options.hpp"
#include "wire/call.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace starling::node {

class operator_line {
public:
  /// `path` is that of the call. Requires: options as `parse` returns them.
  operator_line(const config::options& o, std::string path);

  const std::string& address() const { return address_; }

  /// Which process is there.
  caf::expected<wire::challenge> ask_who();

  /// What that process answers to an order. Fails with bad_message if another is there by now.
  caf::expected<std::string> order(const wire::challenge& to, std::string_view content,
                                   std::chrono::milliseconds timeout);

private:
  std::string call(const wire::challenge& to, std::string_view content);

  std::string address_;
  std::string path_;
  std::chrono::milliseconds timeout_; // for a question
  actors::peer_client_context context_;
  wire::session_id from_;
  std::uint64_t calls_ = 0;
};

/// Says on `out` what went wrong at an address; 1, the status to end with.
int fail(std::FILE* out, const char* what, const std::string& address, const std::string& why);

} // namespace starling::node
