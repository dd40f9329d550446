#pragma once

// Whether the clock of this machine can be worked with.
//
// Registers are stamped by it, and RocksDB ends the process at a time before 1970.

#include <chrono>
#include <optional>
#include <string>

namespace starling::system {

/// Why a node cannot start at that time; nothing if it can.
std::optional<std::string> complaint_about_clock(std::chrono::system_clock::time_point now);

} // namespace starling::system
