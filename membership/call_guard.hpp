#pragma once

// Lets each call over HTTP be taken once, by the life of a process that it was meant for.
//
// Every call says who calls, which of its calls this is, and whom it is for: the receiver's
// challenge. Who is called with another challenge than its own takes nothing in, and answers with
// its own, to be called again. So what was recorded and is sent again says nothing: not to the same
// process, which has seen the number, and not to another, whose challenge is another. No clocks.
//
//   call:    version  from (8)  number  challenge  content
//   answer:  0  content   or   1  challenge
//   challenge:  session (8)  epoch

#include "membership/member.hpp"
#include "membership/replay_guard.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace starling::membership {

/// What a process wants to hear from those who call it: its session, and how many callers it has
/// forgotten since its start. Of a process that is not known, all zero.
struct challenge {
  session_id session;
  std::uint64_t epoch = 0;

  friend bool operator==(const challenge&, const challenge&) = default;
};

struct call_header {
  session_id from;          // of the caller's process
  std::uint64_t number = 0; // of its calls, each another
  challenge to;
};

/// The beginning of a call; its content follows.
void encode(wire::writer& out, const call_header& h);
call_header decode_call_header(wire::reader& in);

/// An answer with what was asked for, which follows.
void begin_answer(wire::writer& out);

std::string encode_answer(std::string_view content);
std::string encode_answer(const challenge& c);

/// The content, a view into the answer, or the challenge to call again with.
std::variant<std::string_view, challenge, wire::decode_error>
decode_answer(std::string_view answer);

/// Whether an answer is nothing but a challenge.
bool is_challenge(std::string_view answer);

class call_guard {
public:
  enum class verdict : std::uint8_t {
    taken,
    challenged, // it is for somebody else, or for us before we forgot a caller
    repeated,
  };

  /// Requires: most_callers > 0.
  call_guard(session_id own, std::size_t most_callers) : own_(own), seen_(most_callers) {}

  /// Whether to do what a call says. Once only.
  verdict admit(const call_header& h);

  challenge present() const { return {own_, seen_.forgotten()}; }

private:
  session_id own_;
  replay_guard seen_;
};

} // namespace starling::membership
