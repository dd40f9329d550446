#pragma once

// How the process ends when the system gives it no memory or no thread: with a sentence and the
// status of a failure, for it is no error of the program, and a core would tell nobody more.

#include <exception>
#include <optional>
#include <string>

namespace starling::system {

/// What the system did not give, and what helps; nothing if something else was thrown.
std::optional<std::string> describe_exhaustion(const std::exception_ptr& thrown);

/// From now on an exception that nobody catches and that says so ends the process that way. Any
/// other still aborts it.
void end_in_words_on_exhaustion();

} // namespace starling::system
