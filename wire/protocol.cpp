#include "wire/protocol.hpp"

namespace starling::wire {

std::string to_string(const protocol_range& r) {
  const auto oldest = std::to_string(r.oldest);
  return r.oldest == r.newest ? oldest : oldest + " to " + std::to_string(r.newest);
}

void encode(writer& out, const protocol_range& r) {
  out.u8(r.oldest);
  out.u8(r.newest);
}

protocol_range decode_protocol_range(reader& in) {
  const auto oldest = in.u8();
  const auto newest = in.u8();
  if (oldest == 0 || oldest > newest)
    in.fail("no range of versions");
  return {oldest, newest};
}

} // namespace starling::wire
