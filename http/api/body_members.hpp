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

/// The members of the body, none of them twice, if it is an object with no others than `known`.
/// `wanted` shows what one looks like to whoever sent something else, such as the fields of a form.
result<body_members> read_body(std::string_view body, const std::set<std::string_view>& known,
                               std::string_view wanted);

/// What is at the pointer has another JSON type than the one that is wanted.
problem wrong_type_at(std::string pointer, std::string_view wanted);

} // namespace starling::http
