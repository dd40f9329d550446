#include "crdt/lww_register.hpp"

#include <algorithm>

namespace starling::crdt {

std::optional<lww_register> lww_register::assign(const replica_id& self, stamp wall, payload what) {
  const stamp above = current_ ? current_->when + 1 : 1;
  if (above >= stamp_limit)
    return std::nullopt;
  current_ = write{std::max(above, wall < wall_limit ? wall : 0), self, std::move(what)};
  return *this;
}

std::optional<lww_register> lww_register::join(const lww_register& other) {
  if (other.current_ <= current_) // nothing is below every write
    return std::nullopt;
  current_ = other.current_;
  return *this;
}

void lww_register::encode(wire::writer& out) const {
  out.u8(current_ ? 1 : 0);
  if (!current_)
    return;
  out.varint(current_->when);
  crdt::encode(out, current_->by);
  crdt::encode(out, current_->what);
}

lww_register lww_register::decode(wire::reader& in) {
  lww_register result;
  const auto present = in.u8();
  if (present > 1)
    in.fail("register is neither empty nor written");
  if (present != 1)
    return result;
  write w;
  w.when = in.varint();
  if (w.when == 0 || w.when >= stamp_limit)
    in.fail("stamp out of range");
  w.by = decode_replica_id(in);
  w.what = decode_payload(in);
  if (in.ok())
    result.current_ = std::move(w);
  return result;
}

} // namespace starling::crdt
