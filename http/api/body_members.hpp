#pragma once

// The members of a request's body, which is one JSON object, or a problem that says which of them
// is to blame.

#include "http/api/problem.hpp"

#include <map>
#include <set>
#include <string>
#include <string_view>

namespace starling::http {

/// The values of an object's members by name, as JSON.
using body_members = std::map<std::string, std::string_view, std::less<>>;

/// The members of a body that is one JSON object. A problem, if the body is no object, if a member
/// is not in `known`, or if a member is there twice. `wanted` is an example of a body, for a client
/// that sent something else, such as the fields of a form.
result<body_members> read_body(std::string_view body, const std::set<std::string_view>& known,
                               std::string_view wanted);

/// The problem that the value at `pointer` has another JSON type than wanted.
problem wrong_type_at(std::string pointer, std::string_view wanted);

} // namespace starling::http
