#include "wire/call_guard.hpp"

namespace starling::wire {

std::variant<call_guard::admitted, call_guard::challenged, decode_error>
call_guard::admit(std::string_view call) {
  reader in{call};
  const auto header = decode_call_header(in);
  if (!in.ok())
    return in.error();
  if (header.to != present())
    return challenged{encode_answer(present(), speaks_)};
  if (!seen_.admit(header.from, header.number)) {
    ++repeated_;
    return decode_error{"a call that was made before"};
  }
  return admitted{in.raw(in.remaining())};
}

} // namespace starling::wire
