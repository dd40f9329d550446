#pragma once

// What went wrong, for the client, as RFC 9457 writes it. A problem means that the request changed
// nothing, except for those codes of which `outcome_of` says that nobody knows.

#include "crdt/command.hpp"
#include "wire/result.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace starling::http {

/// Each has a name that programs may rely on, a status and a title.
enum class problem_code {
  bad_request,            // not HTTP, or not as much of it as is spoken here
  bad_target,             // the request target cannot be decoded
  bad_key,                // empty or too long
  bad_query,              // a parameter is malformed, unknown, there twice or out of range
  empty_body,             // a body is needed
  malformed_json,         // the body is not JSON
  not_an_object,          // the body is JSON and no object
  forbidden_origin,       // a web page tries to write
  unknown_route,          // nothing is at this path
  unknown_key,            // this node knows of no write to this key
  method_not_allowed,     // the path knows other methods
  unsupported_condition,  // a write that is to depend on something
  unsupported_header,     // a header that changes what a write means, and is not known here
  request_timed_out,      // the request did not come whole in time
  body_too_large,         // beyond the configured limit
  target_too_long,        // the first line is too long
  unsupported_media_type, // the body says that it is not JSON
  unsupported_encoding,   // the body says that it is compressed
  expectation_failed,     // the client expects what is not done here
  missing_member,         // a member that the request needs is not there
  unknown_member,         // a member that the request does not know
  duplicate_member,       // a member that is there twice
  conflicting_members,    // members that exclude each other
  wrong_type,             // a value of another JSON type than wanted
  out_of_range,           // a number that is too small or too large
  element_too_large,      // an element of a set beyond its limit
  added_and_removed,      // an element that is both added and removed
  invalid_context,        // a context that was not given out for this key and element
  counter_range,          // the counter would leave the 64-bit range
  exhausted,              // the value has no room for another event
  head_too_large,         // the fields of the head are too long or too many
  value_too_large,        // the value has reached the size up to which clients may fill it
  internal,               // a fault of ours
  unknown_method,         // no path knows this method
  unknown_version,        // neither HTTP/1.1 nor HTTP/1.0
  too_busy,               // as many clients are served as there is room for
  write_unknown,          // the disk failed while the write was committed, or the node ended
  disk_full,              // refused before anything was written: there is no room
  disk_failed,            // refused before anything was written, or something cannot be read
  newer_format,           // a later version wrote the value, in a format that is not known here
  being_mended,           // the disk has lost what it had of this key, and it is not back yet
  key_busy,               // too much waits for this key already
  not_ready,              // starting or stopping
  timed_out,              // no answer within the deadline
};

struct problem {
  problem_code code = problem_code::internal;
  std::string detail;                   // a sentence about this one
  std::optional<std::string> pointer{}; // to the culprit in the body (RFC 6901)
  std::string allow{};                  // the path's methods, if that was the problem
  std::string title{};                  // instead of the code's, where that stands for many things

  friend bool operator==(const problem&, const problem&) = default;
};

/// What was asked for, or the problem that the client is told.
template <class T>
using result = wire::result<T, problem>;

int status_of(problem_code code);

/// What a problem says of the write that it answers. That a write happened is said by no problem.
enum class write_outcome {
  did_not_happen,
  nobody_knows, // it may have happened, and may still show
};

write_outcome outcome_of(problem_code code);

/// "unknown-key" and the like.
std::string_view name_of(problem_code code);

std::string to_json(const problem& what);

/// The pointer to a member or an element below another pointer.
std::string pointer_to(std::string_view parent, std::string_view name);

} // namespace starling::http
