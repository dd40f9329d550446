#include "node/abilities.hpp"

#include "crdt/types.hpp"
#include "crdt/value_format.hpp"

namespace starling::node {

membership::abilities own_abilities() {
  membership::abilities result;
  for (const auto type : crdt::types::ids)
    result.values.push_back({static_cast<std::uint8_t>(type), crdt::value_format});
  return result;
}

} // namespace starling::node
