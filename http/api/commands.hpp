#pragma once

// The bodies of writes: one JSON object becomes one command, or a problem that says which member
// is to blame. What an object may hold is said where each type is (http/api/types.hpp).

#include "crdt/command.hpp"
#include "http/api/problem.hpp"
#include "http/api/style.hpp"
#include "wire/seal.hpp"

#include <string_view>

namespace starling::http {

/// The command for a value of this key. Requires: its type is known. The secret opens the contexts;
/// `how` says what of the outcome will be shown.
result<crdt::command> command_of(const crdt::key& key, std::string_view body,
                                 const wire::secret& secret, style how = {});

} // namespace starling::http
