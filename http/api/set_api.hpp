#pragma once

// Sets, as clients ask for them:
//
//     POST /sets/{key}                 {"add": ["x"], "remove": ["y"], "contexts": {"y": "..."}}:
//                                      one of add and remove, or both; contexts of elements that
//                                      the command does not name are not read
//     GET /sets/{key}?limit=100&after=apple   a page of members
//     GET /sets/{key}/members/{member}
//     ?contexts=false                  without contexts; also of one member, and of a write

#include "crdt/set_type.hpp"
#include "http/api/body_members.hpp"
#include "http/api/style.hpp"
#include "wire/seal.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace starling::http {

/// The most bytes of an element of a set.
inline constexpr std::size_t element_bytes_max = 64 * 1024;

struct set_api {
  using type = crdt::set_type;

  static constexpr std::string_view route = "/sets/{key}";
  static constexpr std::string_view allow = "GET, HEAD, POST, OPTIONS";
  static constexpr std::array parameters{std::string_view{"contexts"}};

  static constexpr std::string_view member_route = "/sets/{key}/members/{member}";
  static constexpr std::string_view member_allow = "GET, HEAD, OPTIONS";

  static result<crdt::set_change> command_of(std::string_view body, const crdt::key& key,
                                             const wire::secret& secret, style how);
  static std::vector<std::string> show(const crdt::set_view& what, const crdt::key& key,
                                       const wire::secret& secret, style how);
  static std::vector<std::string> show(const crdt::page_view& what, const crdt::key& key,
                                       const wire::secret& secret, style how);
  static std::vector<std::string> show(const crdt::member_view& what, const crdt::key& key,
                                       const wire::secret& secret, style how);

  /// The contexts of the members that were written; the values are known to whoever wrote them.
  static std::vector<std::string> show_written(const crdt::set_view& what, const crdt::key& key,
                                               const wire::secret& secret, style how);
};

} // namespace starling::http
