#pragma once

// A test that goes on in a process of its own: RocksDB keeps threads, which a fork does not copy,
// so the child starts this program again and runs one disabled test of it.

#include <string>
#include <sys/types.h>

namespace starling::storage {

/// The descriptor that a child may tell its parent something through.
constexpr int told_through = 3;

/// Starts the test of this name, such as "Suite.DISABLED_Name". It finds `argument` with
/// `child_argument`, and `output`, if it is not negative, as `told_through`.
pid_t start_child(const std::string& test, const std::string& argument, int output = -1);

/// What the parent gave this process.
std::string child_argument();

/// The status of a child that has ended: as a shell has it, so 128 and the signal, if it was that.
int status_of(pid_t child);

} // namespace starling::storage
