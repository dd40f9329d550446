#pragma once

// What goes around the content of a call between nodes, or of an operator's order to a node.
//
// Every call says which session calls, which of its calls this is, and which challenge of the
// receiver it answers. A receiver with another challenge does nothing, and answers with its own, so
// that it can be called again. See call_guard.hpp.
//
//   call:       2  session of the caller (8)  number  challenge  fields  content
//   answer:     0  content   or   1  challenge  fields
//   challenge:  session of the receiver (8)  epoch
//   fields      (fields.hpp) of a call: none yet; of a challenge: 1 the range of versions that the
//               receiver speaks
//
// A kind of call may have further answers, with a first byte of its own from 2 on. All of this but
// the content is the same in all versions of the protocol: who calls for the first time is
// challenged, and so learns in which version to write the content.

#include "wire/bytes.hpp"
#include "wire/protocol.hpp"
#include "wire/session_id.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace starling::wire {

/// What a process wants to hear from those who call it: its session, and how many callers it has
/// forgotten since its start. All zero stands for a process that the caller does not know.
struct challenge {
  session_id session;
  std::uint64_t epoch = 0;

  friend bool operator==(const challenge&, const challenge&) = default;
};

struct call_header {
  session_id from;          // of the caller's process
  std::uint64_t number = 0; // each call of that process has another
  challenge to;
};

/// The beginning of a call; its content follows.
void encode(writer& out, const call_header& h);
call_header decode_call_header(reader& in);

/// The beginning of an answer with what was asked for, which follows.
void begin_answer(writer& out);

std::string encode_answer(std::string_view content);
std::string encode_answer(const challenge& c, const protocol_range& speaks = spoken);

/// The content, a view into the answer, or the challenge to call again with.
std::variant<std::string_view, challenge, decode_error> decode_answer(std::string_view answer);

/// Which versions the one speaks that answers with a challenge; nothing if it does not say so.
std::optional<protocol_range> range_in(std::string_view answer);

/// Whether an answer is nothing but a challenge.
bool is_challenge(std::string_view answer);

} // namespace starling::wire
