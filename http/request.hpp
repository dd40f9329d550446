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
#include "http/problem.hpp"
#include "wire/seal.hpp"

#include <optional>
#include <string_view>
#include <variant>

namespace starling::http {

/// A request as it came over the wire; views into what the caller holds.
struct request {
  std::string_view method;
  std::string_view target;
  std::string_view body;
  std::optional<std::string_view> content_type;
  std::optional<std::string_view> content_encoding;
  std::optional<std::string_view> origin;
};

struct limits {
  std::size_t body_bytes_max = 1 << 20;
};

struct read_request {
  crdt::key key;
  crdt::query query;
};

struct write_request {
  crdt::key key;
  crdt::command command;
};

struct keys_request {
  crdt::key_query query;
};

struct cluster_request {};
struct health_request {};
struct ready_request {};
struct metrics_request {};

/// Asks for the methods that a path knows.
struct options_request {
  std::string_view allow;
};

using parsed = std::variant<problem, read_request, write_request, keys_request, cluster_request,
                            health_request, ready_request, metrics_request, options_request>;

/// What a request asks for, or why it makes no sense. HEAD asks for the same as GET; OPTIONS asks
/// about the path, whatever the query.
parsed parse(const request& r, const wire::secret& secret, const limits& bounds);

} // namespace starling::http
