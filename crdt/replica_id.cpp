#include "crdt/replica_id.hpp"

#include "wire/seal.hpp"

#include <algorithm>

namespace starling::crdt {

replica_id replica_id::from(std::uint64_t high, std::uint64_t low) {
  replica_id id;
  for (std::size_t i = 0; i < 8; ++i) {
    id.bytes[i] = static_cast<std::uint8_t>(high >> (56 - 8 * i));
    id.bytes[8 + i] = static_cast<std::uint8_t>(low >> (56 - 8 * i));
  }
  return id;
}

std::string to_string(const replica_id& id) {
  return wire::to_hex({reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()});
}

void encode(wire::writer& out, const replica_id& id) {
  out.raw({reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()});
}

replica_id decode_replica_id(wire::reader& in) {
  replica_id id;
  const auto bytes = in.raw(id.bytes.size());
  std::copy(bytes.begin(), bytes.end(), id.bytes.begin());
  return id;
}

void encode(wire::writer& out, const version_vector& vector) {
  out.varint(vector.size());
  for (const auto& [replica, number] : vector) {
    encode(out, replica);
    out.varint(number);
  }
}

version_vector decode_version_vector(wire::reader& in) {
  version_vector result;
  for (auto left = in.count(17); left > 0 && in.ok(); --left) {
    const auto replica = decode_replica_id(in);
    const auto number = in.varint();
    if (number == 0 || number > event_number_max)
      in.fail("event number out of range");
    if (!result.empty() && replica <= result.rbegin()->first)
      in.fail("replica ids are not in ascending order");
    if (in.ok())
      result.emplace_hint(result.end(), replica, number);
  }
  return result;
}

} // namespace starling::crdt
