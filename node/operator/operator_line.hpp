#pragma once

// The line to the running node of a configuration, for an operator's command: over the node's
// cluster listener, authenticated as all messages between nodes.
//
// A command asks which process is there first and speaks to that one only, and the process takes
// each order once: one that is repeated later means nothing.

#include "actors/peer_client.hpp"
#include "config/options.hpp"
#include "membership/call_guard.hpp"
#include "membership/outputs.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace starling::node {

class operator_line {
public:
  /// Requires: options as `parse` returns them.
  operator_line(const config::options& o, membership::call_kind kind);

  const std::string& address() const { return address_; }

  /// Which process is there.
  caf::expected<membership::challenge> ask_who();

  /// What that process answers to an order. Fails with bad_message if another is there by now.
  caf::expected<std::string> order(const membership::challenge& to, std::string_view content,
                                   std::chrono::milliseconds timeout);

private:
  std::string call(const membership::challenge& to, std::string_view content);

  std::string address_;
  std::string path_;
  std::chrono::milliseconds timeout_; // for a question
  actors::peer_client_context context_;
  membership::session_id from_;
  std::uint64_t calls_ = 0;
};

/// Says on `out` what went wrong at an address; 1, the status to end with.
int fail(std::FILE* out, const char* what, const std::string& address, const std::string& why);

/// Whether a node that was given an order took it, by what its membership actor answered.
bool was_taken(std::string_view answer);

} // namespace starling::node
