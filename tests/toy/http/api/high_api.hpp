#pragma once

// Highs, as clients ask for them: PUT /highs/{key} {"value": 5}

#include "crdt/high_type.hpp"
#include "http/api/body_members.hpp"
#include "http/api/style.hpp"
#include "wire/seal.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace starling::http {

struct high_api {
  using type = crdt::high_type;

  static constexpr std::string_view route = "/highs/{key}";
  static constexpr std::string_view allow = "GET, HEAD, PUT, OPTIONS";
  static constexpr std::array<std::string_view, 0> parameters{};

  static result<crdt::high_raise> command_of(std::string_view body, const crdt::key& key,
                                             const wire::secret& secret, style how);
  static std::vector<std::string> show(const crdt::high_view& what, const crdt::key& key,
                                       const wire::secret& secret, style how);
  static std::vector<std::string> show_written(const crdt::high_view& what, const crdt::key& key,
                                               const wire::secret& secret, style how) {
    return show(what, key, secret, how);
  }
};

} // namespace starling::http
