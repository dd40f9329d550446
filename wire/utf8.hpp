#pragma once

// Whether bytes are text.

#include <string_view>

namespace starling::wire {

/// Whether this is UTF-8 as RFC 3629 has it: each character in its shortest form, no surrogates,
/// nothing beyond U+10FFFF.
bool is_utf8(std::string_view text);

} // namespace starling::wire
