#pragma once

// Counters, as clients ask for them:
//
//     POST /counters/{key}   {"increment": 5} or {"decrement": "5"}: from 1 to 2^63 - 1
//     GET ?number=string     the value as a string of digits; also of a write

#include "crdt/counter_type.hpp"
#include "http/api/body_members.hpp"
#include "http/api/style.hpp"
#include "wire/seal.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace starling::http {

struct counter_api {
  using type = crdt::counter_type;

  static constexpr std::string_view route = "/counters/{key}";
  static constexpr std::string_view allow = "GET, HEAD, POST, OPTIONS";
  static constexpr std::array parameters{std::string_view{"number"}};

  static result<crdt::counter_add> command_of(std::string_view body, const crdt::key& key,
                                              const wire::secret& secret, style how);
  static std::vector<std::string> show(const crdt::counter_view& what, const crdt::key& key,
                                       const wire::secret& secret, style how);
  static std::vector<std::string> show_written(const crdt::counter_view& what, const crdt::key& key,
                                               const wire::secret& secret, style how) {
    return show(what, key, secret, how);
  }
};

} // namespace starling::http
