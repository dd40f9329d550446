#include "crdt/payload.hpp"

#include "wire/utf8.hpp"

namespace starling::crdt {

void encode(wire::writer& out, const payload& x) {
  out.u8(static_cast<std::uint8_t>(x.kind));
  out.bytes(x.data);
}

payload decode_payload(wire::reader& in) {
  payload result;
  const auto kind = payload_kind_of(in.u8());
  if (!kind)
    in.fail("unknown kind of payload");
  result.kind = kind.value_or(payload_kind{});
  result.data = in.bytes();
  if (result.kind == payload_kind::text && !wire::is_utf8(result.data))
    in.fail("text that is not UTF-8");
  return result;
}

} // namespace starling::crdt
