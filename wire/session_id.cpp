#include "wire/session_id.hpp"

#include "wire/seal.hpp"

namespace starling::wire {

std::string to_string(const session_id& id) {
  writer out;
  encode(out, id);
  return to_hex(out.view());
}

void encode(writer& out, const session_id& id) {
  for (int shift = 56; shift >= 0; shift -= 8)
    out.u8(static_cast<std::uint8_t>(id.bits >> shift));
}

session_id decode_session_id(reader& in) {
  session_id id;
  for (const char byte : in.raw(8))
    id.bits = (id.bits << 8) | static_cast<std::uint8_t>(byte);
  return id;
}

} // namespace starling::wire
