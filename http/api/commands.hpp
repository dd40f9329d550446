#pragma once

// The bodies of writes: one JSON object becomes one command, or a problem that says which member
// is to blame. The API of each type says what the object may hold (http/api/type_api.hpp).

#include "crdt/command.hpp"
#include "http/api/problem.hpp"
#include "http/api/style.hpp"
#include "wire/seal.hpp"

#include <string_view>

namespace starling::http {

/// The command for a value of this key. Requires: the type of the key is known. The secret opens
/// the contexts; `how` says what the reply will show.
result<crdt::command> command_of(const crdt::key& key, std::string_view body,
                                 const wire::secret& secret, style how = {});

} // namespace starling::http
