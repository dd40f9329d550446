#pragma once

// How the errors of the service look in HTTP.

#include "http/api/problem.hpp"
#include "node/node_report.hpp"
#include "node/service_error.hpp"

namespace starling::http {

problem problem_of(node::service_error why);

/// The same where a key was read.
problem problem_of_read(const crdt::key& key, node::service_error why);

/// The same where a key was written.
problem problem_of_write(const crdt::key& key, node::service_error why);

/// The same where a report was asked for.
problem problem_of_report(node::service_error why);

problem problem_of(const node::unreadiness& why);

} // namespace starling::http
