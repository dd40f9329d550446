#pragma once

// The descriptors that a process is started with, and those that it hands on.
//
// A process may be started with the descriptors 0 to 2 closed. The next files that it opens would
// get these numbers, and what is meant for standard error would be written into one of them.

namespace starling::system {

/// Opens /dev/null at each of the descriptors 0 to 2 that is closed. Call it before anything else
/// is opened.
void fill_standard_streams();

/// Has the next `exec` close all descriptors above 2, whoever opened them.
void close_others_on_exec();

} // namespace starling::system
