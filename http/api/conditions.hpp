#pragma once

// The fields of a head that change what a write means, and that no write here understands.
//
// A client that says "only if nobody else has written" loses data when the condition is ignored, so
// such a write is refused. A condition is answered with 412, since it does not hold as far as
// anybody can tell: values have no entity tags and no dates, and a node does not know what others
// have. Reads ignore all of these fields: a full answer is never wrong.

#include "http/api/field.hpp"
#include "http/api/problem.hpp"

#include <optional>
#include <string_view>

namespace starling::http {

/// Why a write with this method and these fields is refused; nothing if they do not change what it
/// means.
wire::possible<problem> refuse_conditions(std::string_view method, const fields& head);

} // namespace starling::http
