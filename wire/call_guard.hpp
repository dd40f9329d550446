#pragma once

// Lets each call be carried out once, by the run of the process that it was meant for.
//
// A call that somebody recorded and sends again does nothing. The process that carried it out knows
// the call's number. A later process, or one that had to forget a caller, has another challenge
// than the one in the call. No clock is involved.

#include "wire/call.hpp"
#include "wire/replay_guard.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace starling::wire {

class call_guard {
public:
  /// The call is to be carried out; its content, a view into it.
  struct admitted {
    std::string_view content;
  };

  /// The call was for another process, or for this one before it forgot a caller. The answer.
  struct challenged {
    std::string answer;
  };

  /// Requires: most_callers > 0.
  call_guard(session_id own, std::size_t most_callers, const protocol_range& speaks = spoken)
      : own_(own), speaks_(speaks), seen_(most_callers) {}

  /// What becomes of a call. The error says why it is none, or that it was carried out before.
  std::variant<admitted, challenged, decode_error> admit(std::string_view call);

  challenge present() const { return {own_, seen_.forgotten()}; }

  /// How many calls came that were carried out before.
  std::uint64_t repeated() const { return repeated_; }

private:
  session_id own_;
  protocol_range speaks_;
  replay_guard seen_;
  std::uint64_t repeated_ = 0;
};

} // namespace starling::wire
