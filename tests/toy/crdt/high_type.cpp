#include "crdt/high_type.hpp"

namespace starling::crdt {

std::optional<high> high::raise(std::uint64_t to) {
  if (to <= number_)
    return std::nullopt;
  number_ = to;
  return *this;
}

high high::decode(wire::reader& in) {
  high result;
  result.number_ = in.varint();
  return result;
}

} // namespace starling::crdt
