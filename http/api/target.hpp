#pragma once

// The target of a request, taken apart as it came over the wire.
//
// The path is split at each '/' before anything is decoded, so a key may hold a '/' written as %2F.
// The query behind the first '?' is split at each '&' and the first '=' in the same way. In a query
// a '+' is a space, as every client's encoder of parameters writes it; in a path it is a '+'.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace starling::http {

/// The decoded segments of the path: "/a/b%2Fc?x" gives "a" and "b/c". Nothing if the target does
/// not begin with '/', an escape is malformed, or a segment is not UTF-8.
std::optional<std::vector<std::string>> path_of(std::string_view target);

/// The decoded names and values of the query, in order: "/a?b=c&d=%26" gives ("b", "c") and
/// ("d", "&"). Nothing if one has no '=', an escape is malformed, or one is not UTF-8.
std::optional<std::vector<std::pair<std::string, std::string>>>
parameters_of(std::string_view target);

} // namespace starling::http
