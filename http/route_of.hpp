#pragma once

// Which route a request took, for metrics.

#include "http/api/request.hpp"

#include <string_view>

namespace starling::http {

/// One of a few fixed words: the template of the path, never a key.
std::string_view route_of(const parsed& asked);

} // namespace starling::http
