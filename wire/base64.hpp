#pragma once

// Base64 with the standard alphabet and padding (RFC 4648, 4).
//
// Every byte string has exactly one text: what `from_base64` accepts is what `to_base64` gives.

#include <optional>
#include <string>
#include <string_view>

namespace starling::wire {

std::string to_base64(std::string_view bytes);

/// Nothing if the text is not the one that `to_base64` gives for some bytes.
std::optional<std::string> from_base64(std::string_view text);

} // namespace starling::wire
