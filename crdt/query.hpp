#pragma once

// What a client may ask to see of one value. Of a value without rows, every query shows the whole
// value. Of a value with rows, a page or one member costs only what it shows.

#include "crdt/payload.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <variant>

namespace starling::crdt {

struct whole_value {
  friend bool operator==(const whole_value&, const whole_value&) = default;
};

/// The first `limit` members that are text; if `after` is given, of the members after it. The
/// member `after` need not be in the value.
struct member_page {
  std::optional<std::string> after;
  std::size_t limit = 1; // at least 1
  friend bool operator==(const member_page&, const member_page&) = default;
};

/// One member, whether it is in the value or not.
struct one_member {
  payload member;
  friend bool operator==(const one_member&, const one_member&) = default;
};

using query = std::variant<whole_value, member_page, one_member>;

} // namespace starling::crdt
