#pragma once

// Boards, as clients ask for them:
//
//     POST /boards/{key}                {"put": {"ann": 5}, "drop": ["bob"]}: put or drop or both
//     GET /boards/{key}?limit=100&after=ann   a page of names
//     GET /boards/{key}/members/{member}

#include "crdt/board_type.hpp"
#include "http/api/body_members.hpp"
#include "http/api/style.hpp"
#include "wire/seal.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace starling::http {

struct board_api {
  using type = crdt::board_type;

  static constexpr std::string_view route = "/boards/{key}";
  static constexpr std::string_view allow = "GET, HEAD, POST, OPTIONS";
  static constexpr std::array<std::string_view, 0> parameters{};

  static constexpr std::string_view member_route = "/boards/{key}/members/{member}";
  static constexpr std::string_view member_allow = "GET, HEAD, OPTIONS";

  static result<crdt::board_change> command_of(std::string_view body, const crdt::key& key,
                                               const wire::secret& secret, style how);
  static std::vector<std::string> show(const crdt::board_view& what, const crdt::key& key,
                                       const wire::secret& secret, style how);
  static std::vector<std::string> show_written(const crdt::board_view& what, const crdt::key& key,
                                               const wire::secret& secret, style how) {
    return show(what, key, secret, how);
  }
};

} // namespace starling::http
