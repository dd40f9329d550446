#pragma once

// The bodies of writes: one JSON object becomes one command, or a problem that says which member
// is to blame.
//
//     counters   {"increment": 5} or {"decrement": "5"}: an integer from 1 to 2^63 - 1
//     registers  {"value": ...}: any JSON
//     sets       {"add": ["x"], "remove": ["y"], "contexts": {"y": "..."}}: add or remove or both;
//                contexts of other elements are left unread

#include "crdt/command.hpp"
#include "http/api/problem.hpp"
#include "wire/seal.hpp"

#include <string_view>
#include <variant>

namespace starling::http {

/// The most bytes of an element of a set.
inline constexpr std::size_t element_bytes_max = 64 * 1024;

/// The command for a value of this key. The secret opens the contexts.
std::variant<problem, crdt::command> command_of(const crdt::key& key, std::string_view body,
                                                const wire::secret& secret);

} // namespace starling::http
