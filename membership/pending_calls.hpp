#pragma once

// The calls over HTTP that this node made and whose end it waits for.

#include "membership/member.hpp"
#include "membership/outputs.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace starling::membership {

struct pending_call {
  call_kind kind = call_kind::sync;
  std::string address;
  std::optional<std::string> seed; // whose name led to the address
  node_id peer;                    // the member that is called; zero if only the address is known
  std::uint64_t digest = 0;        // the member's digest, which differed from ours
  bool was_challenged = false;     // the call is the second one, with the challenge of the receiver
  std::optional<wire::protocol_range> speaks{}; // what the receiver speaks, if it said so
};

class pending_calls {
public:
  /// The token of a call that begins. No other call of this process has it.
  std::uint64_t begin(pending_call c);

  /// The call of that token, which ends; nothing if it has ended before.
  std::optional<pending_call> end(std::uint64_t token);

  bool is_synced_with(const std::string& address) const;

  /// Syncs, those with seeds aside.
  std::size_t syncs() const;

  bool is_pinged(const node_id& peer) const;
  std::size_t pings() const;

private:
  std::map<std::uint64_t, pending_call> calls_;
  std::uint64_t next_token_ = 1;
};

} // namespace starling::membership
