#pragma once

// From a request to what it asks for: the routes, parameters and bodies of the API, as pure
// functions.
//
// A body either becomes one whole command or a problem, never a part of a command. Members that a
// body may not have, and members that it has twice, are refused rather than ignored; a register's
// value may be any JSON and is kept to the letter, without the white space.

#include "crdt/command.hpp"
#include "crdt/key_query.hpp"
#include "crdt/query.hpp"
#include "http/api/field.hpp"
#include "http/api/problem.hpp"
#include "http/api/style.hpp"
#include "wire/seal.hpp"

#include <optional>
#include <string_view>
#include <variant>
#include <vector>

namespace starling::http {

/// A request as it came over the wire. The views point into memory of the caller.
struct request {
  std::string_view method;
  std::string_view target;
  std::string_view body;
  fields head{};
};

struct limits {
  std::size_t body_bytes_max = 1 << 20;
};

struct read_request {
  crdt::key key;
  crdt::query query;
  style how{};
};

struct write_request {
  crdt::key key;
  crdt::command command;
  style how{};
};

// The requests below say the path that they are for. It is also the name of the route in metrics.

struct keys_request {
  static constexpr std::string_view path = "/keys";
  crdt::key_query query;
};

struct index_request {
  static constexpr std::string_view path = "/";
};

struct cluster_request {
  static constexpr std::string_view path = "/cluster";
};

struct health_request {
  static constexpr std::string_view path = "/healthz";
};

struct ready_request {
  static constexpr std::string_view path = "/readyz";
};

struct metrics_request {
  static constexpr std::string_view path = "/metrics";
};

/// Asks for the methods that a path knows.
struct options_request {
  std::string_view allow;
};

using parsed =
    std::variant<read_request, write_request, keys_request, index_request, cluster_request,
                 health_request, ready_request, metrics_request, options_request, problem>;

/// What is at a path: "/sets/{key}" and the methods that it knows.
struct route {
  std::string_view path;
  std::string_view allow;
};

/// All routes, in the order in which clients are shown them.
std::vector<route> routes();

/// What a request asks for, or why it makes no sense. HEAD asks for the same as GET; OPTIONS asks
/// about the path, whatever the query, or with the target "*" about the whole API.
parsed parse(const request& r, const wire::secret& secret, const limits& bounds);

} // namespace starling::http
