#include "replication/type_set.hpp"

namespace starling::replication {

type_set type_set::known() {
  static const auto result = [] {
    type_set all;
    for (const auto type : crdt::types::ids)
      all.insert(type);
    return all;
  }();
  return result;
}

std::string encode(const type_set& types) {
  std::string result;
  for (int number = 0; number < 256; ++number)
    if (types.contains(static_cast<crdt::type>(number)))
      result += static_cast<char>(number);
  return result;
}

wire::decoded<type_set> decode_type_set(std::string_view bytes) {
  type_set result;
  int last = -1;
  for (const char byte : bytes) {
    const auto number = static_cast<std::uint8_t>(byte);
    if (number <= last)
      return wire::decode_error{"types out of order"};
    last = number;
    result.insert(static_cast<crdt::type>(number));
  }
  return result;
}

} // namespace starling::replication
