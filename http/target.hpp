#pragma once

// The target of a request, taken apart as it came over the wire.
//
// The path is split at each '/' before anything is decoded, so a key may hold a '/' written as %2F.
// A query is left out: no route has parameters, and unknown ones change nothing. A '+' is a '+'.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::http {

/// The decoded segments of the path: "/a/b%2Fc?x" gives "a" and "b/c". Nothing if the target does
/// not begin with '/', an escape is malformed, or a segment is not UTF-8.
std::optional<std::vector<std::string>> path_of(std::string_view target);

} // namespace starling::http
